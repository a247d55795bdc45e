"""What money is spent on: a closed set, so that a blocked category has one name.

Stored policies and requests hold the names, so a name is never taken away and never
becomes another's alias; an alias may not become a name, for policies that block what
it stood for would no longer block it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from audit.base.core.vocabulary import Vocabulary

# What an unknown category counts as where a policy makes no difference by category.
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of spending: other names of it, and the groups of merchant codes behind.

    `groups` are names of agents.core.mcc.GROUPS (ISO 18245). They say what a category
    means; a request is judged by its category and by its code, each as it was sent.
    """

    name: str
    aliases: tuple[str, ...]
    groups: tuple[str, ...]


# Name: other names of the same thing, and groups of codes.
_TABLE: Mapping[str, tuple[str, str]] = {
    "adult": (
        "adult_content adult_entertainment dating escort escorts porn pornography sex",
        "adult",
    ),
    "advertising": (
        "ad ads advertisement advertisements advertizing digital_advertising marketing "
        "online_ads online_advertising promotion public_relations seo sponsorship",
        "advertising",
    ),
    "agriculture": ("farming farm landscaping", "agriculture"),
    "ai_services": (
        "ai artificial_intelligence inference llm llms machine_learning ml",
        "information_services software",
    ),
    "alcohol": (
        "bar bars beer brewery liquor liquor_store nightlife pub pubs spirits wine",
        "alcohol",
    ),
    "art": ("art_supplies arts arts_and_crafts collectibles crafts gallery", "art"),
    "associations": ("clubs professional_associations unions", "associations"),
    "automotive": (
        "auto auto_parts auto_repair automobile boats car car_repair car_wash cars "
        "motorcycles tires vehicle vehicles",
        "vehicles",
    ),
    "beauty": (
        "barber cosmetics hair hairdresser personal_care salon spa wellness",
        "beauty",
    ),
    "books": ("book bookstore e_books ebook ebooks publishing", "books"),
    "cannabis": ("cbd marijuana weed", ""),
    "cash": (
        "atm atm_withdrawal cash_advance cash_withdrawal money_order money_orders "
        "prepaid_card prepaid_cards quasi_cash withdrawal withdrawals",
        "cash",
    ),
    "charity": (
        "charitable charities donation donations fundraising non_profit nonprofit",
        "charity",
    ),
    "cleaning": ("cleaning_services dry_cleaning janitorial laundry", "cleaning"),
    "clothing": (
        "accessories apparel clothes fashion footwear garments shoes uniforms",
        "clothing",
    ),
    "construction": (
        "building_materials contractor contractors electrician hardware_store "
        "home_improvement lumber plumbing renovation tools",
        "construction",
    ),
    "crypto": (
        "bitcoin btc cryptocurrencies cryptocurrency digital_assets "
        "eth ethereum nft nfts stablecoin stablecoins usdc usdt",
        "crypto",
    ),
    "data_services": (
        "analytics api api_services apis data data_feeds databases datasets "
        "information_services market_data research",
        "information_services",
    ),
    "digital_goods": (
        "digital_content digital_media downloads in_app_purchases", "digital_goods",
    ),
    "direct_marketing": ("mail_order telemarketing", "direct_marketing"),
    "education": (
        "classes college course courses e_learning elearning learning online_courses "
        "school schools training tuition tutoring university",
        "education",
    ),
    "electronics": (
        "camera cameras computer computer_hardware computers consumer_electronics "
        "devices electronic gadgets it_equipment it_hardware laptop laptops phones",
        "electronics",
    ),
    "entertainment": (
        "amusement cinema hobbies hobby leisure movie movies music recreation "
        "streaming theater theatre",
        "entertainment",
    ),
    "events": (
        "concert concerts conference conferences event ticket ticketing tickets "
        "trade_show trade_shows",
        "ticketing",
    ),
    "fees": (
        "bank_fees charges commission commissions fee interest late_fees "
        "service_charge service_fee service_fees",
        "",
    ),
    "financial_services": (
        "bank banking finance financial financial_institutions",
        "financial_institutions",
    ),
    "fuel": (
        "charging diesel ev_charging gas gas_station gas_transport gasoline petrol",
        "fuel",
    ),
    "gambling": (
        "bet bets betting bingo casino casinos gamble lotteries lottery "
        "online_gambling poker sports_betting wager wagering wagers",
        "gambling",
    ),
    "gaming": ("computer_games games video_game video_games", "video_games"),
    "gifts": (
        "florist florists flowers gift gift_card gift_cards giftcard giftcards "
        "souvenirs",
        "florists gifts",
    ),
    "government": (
        "court fines government_services licenses_and_permits penalties permits "
        "public_services",
        "government",
    ),
    "groceries": (
        "food food_and_beverage grocery grocery_net grocery_pos grocery_store "
        "supermarket supermarkets",
        "groceries",
    ),
    "health": (
        "dental dentist doctor doctors fitness_and_health health_care health_fitness "
        "healthcare hospital hospitals medical optician vision",
        "health",
    ),
    "home": (
        "appliances decor furnishings furniture garden gardening home_and_garden "
        "home_furnishings home_garden home_goods household kitchen",
        "furniture",
    ),
    "hosting": (
        "cdn cloud cloud_computing cloud_hosting cloud_infrastructure cloud_services "
        "compute domain domains infrastructure server servers vps web_hosting",
        "hosting",
    ),
    "industrial_supplies": (
        "chemicals industrial machinery manufacturing materials raw_materials",
        "industrial",
    ),
    "insurance": ("insurances premiums", "insurance"),
    "investments": (
        "bonds brokerage forex investing investment securities stock stocks trading",
        "securities",
    ),
    "jewelry": ("jeweler jewellery luxury watches", "jewelry"),
    "kids": (
        "babies baby child_care childcare children daycare kids_pets toy toys",
        "childcare",
    ),
    "loans": (
        "credit debt debt_repayment financing lending loan mortgage mortgages",
        "financial_institutions",
    ),
    "news": ("magazine magazines media newspaper newspapers press", "news"),
    "office": (
        "office_equipment office_furniture office_supplies office_supply printing "
        "stationery",
        "office_supplies printing",
    ),
    "other": (
        "misc misc_net misc_pos miscellaneous others uncategorised uncategorized", "",
    ),
    "pawnshops": ("pawn pawn_shop pawn_shops pawnbroker", "pawnshops"),
    "payroll": ("salaries salary wages", ""),
    "personal_services": ("funeral wedding weddings", "personal_services"),
    "pets": ("pet pet_food pet_supplies vet veterinarian veterinary", "pets"),
    "pharmacy": (
        "drugs drugstore drugstores medication medicine pharmaceuticals pharmacies "
        "prescriptions",
        "pharmacy",
    ),
    "photography": ("photo photos stock_photos video_production", "photography"),
    "politics": ("campaign campaigns political political_donations", "politics"),
    "professional_services": (
        "accounting architecture attorney bookkeeping business_services consultancy "
        "consultant consultants consulting design engineering freelance freelancer "
        "freelancers law lawyer lawyers legal legal_services services translation",
        "business_services professional_services",
    ),
    "real_estate": ("land property", "real_estate"),
    "religion": ("church religious tithe tithes", "religion"),
    "rent": ("apartment housing landlord lease rental", "real_estate"),
    "repairs": ("maintenance repair", "repairs"),
    "restaurants": (
        "cafe cafes catering coffee coffee_shop dining fast_food food_delivery "
        "food_dining meals restaurant takeaway",
        "restaurants",
    ),
    "secondhand": ("antiques second_hand thrift used_goods", "secondhand"),
    "shipping": (
        "courier couriers delivery freight logistics mail moving postage postal "
        "postal_services storage_and_warehousing warehousing",
        "postage shipping",
    ),
    "shopping": (
        "department_store department_stores e_commerce ecommerce general_merchandise "
        "marketplace merchandise online_shopping retail shopping_net shopping_pos "
        "wholesale",
        "retail",
    ),
    "software": (
        "app apps cyber_security cybersecurity developer_tools it it_services license "
        "licenses saas software_as_a_service software_license software_licenses "
        "software_subscription tech technology",
        "software",
    ),
    "sports": (
        "fitness golf gym gyms outdoors sport sporting_goods sports_equipment",
        "sports",
    ),
    "staffing": (
        "employment hiring hr human_resources recruiting recruitment", "employment",
    ),
    "subscriptions": ("membership memberships recurring subscription", "subscriptions"),
    "taxes": ("customs duties sales_tax tax vat", "taxes"),
    "telecom": (
        "broadband cable cell_phone internet isp mobile mobile_phone phone "
        "telecommunication telecommunications telephone",
        "telecom",
    ),
    "tobacco": ("cigarettes cigars smoking vape vaping", "tobacco"),
    "transfers": (
        "money_transfer money_transfers p2p remittance remittances transfer wire "
        "wire_transfer wire_transfers wires",
        "money_transfer",
    ),
    "transport": (
        "bus commute commuting parking public_transit public_transport rail railway "
        "ride_hailing ride_sharing rideshare taxi taxis toll tolls train trains "
        "transit transportation",
        "tolls_and_parking transport",
    ),
    "travel": (
        "accommodation air_travel airfare airline airlines car_hire car_rental cruise "
        "cruises flight flights holiday hotel hotels lodging travel_agency trip trips "
        "vacation",
        "airlines car_rental lodging travel_agencies",
    ),
    "utilities": (
        "electric electricity energy heating natural_gas power sewage utility waste "
        "water",
        "utilities",
    ),
    "weapons": ("ammo ammunition firearm firearms gun guns weapon", "weapons"),
}  # fmt: skip

CATALOGUE: Mapping[str, Category] = MappingProxyType(
    {
        name: Category(name, tuple(aliases.split()), tuple(groups.split()))
        for name, (aliases, groups) in _TABLE.items()
    }
)
CATEGORIES = frozenset(CATALOGUE)
# Other names of the same things. A blocked category is blocked under all of them.
ALIASES: Mapping[str, str] = MappingProxyType(
    {alias: each.name for each in CATALOGUE.values() for alias in each.aliases}
)
CATEGORY_WORDS = Vocabulary(tuple(sorted(CATEGORIES)), ALIASES, page="categories")

_SEPARATORS = re.compile(r"[\s_\-/&]+")


def canonical_category(text: str) -> str | None:
    """Return the category that a text names, whatever its case and spacing.

    None when it names no known one: an unknown category could be a blocked one.
    """
    folded = unicodedata.normalize("NFKC", text).casefold().strip()
    name = _SEPARATORS.sub("_", folded)
    name = ALIASES.get(name, name)
    return name if name in CATEGORIES else None
