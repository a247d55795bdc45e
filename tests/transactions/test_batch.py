"""What is written together is what the ORM would have written, one by one."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest
from django.db import connection, models
from django.db.models import ForeignKey, Model
from django.db.models.sql import InsertQuery
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from audit.base.batch import Insert, _adapter, _Columns, _insert, write_together
from audit.base.ids import new_id
from audit.models import AuditEvent
from security.encryption.fields import EncryptedTextField
from tests.elsewhere import elsewhere
from tests.spending import call, held, spend
from transactions.approvals.models import ApprovalRequest
from transactions.budgets.models import Budget, LedgerEntry, Reservation
from transactions.calls.models import FunctionCall
from transactions.decisions.models import Decision, IdempotencyRecord
from transactions.risk.models import AgentActivity, MerchantActivity
from transactions.spending.models import Transaction

WRITTEN = (
    Transaction,
    FunctionCall,
    Decision,
    ApprovalRequest,
    Budget,
    Reservation,
    LedgerEntry,
    AgentActivity,
    MerchantActivity,
    IdempotencyRecord,
    AuditEvent,
)
ENOUGH = 7  # From then on a text is prepared.

alphabet = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
texts = st.text(alphabet)
whole = st.integers(-(2**31), 2**31 - 1)
json = st.recursive(
    st.none() | st.booleans() | whole | st.floats(-1e9, 1e9) | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=8,
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "CharField": texts,
    "TextField": texts,
    "ArrayField": st.lists(texts),
    "JSONField": json,
    "DateTimeField": st.datetimes(timezones=st.just(UTC)),
    "DateField": st.dates(),
    "DecimalField": st.integers(0, 10**29) | st.decimals(0, 10**29, places=0),
    "GenericIPAddressField": st.ip_addresses().map(str),
    "BigIntegerField": whole,
    "PositiveBigIntegerField": whole.map(abs),
    "PositiveIntegerField": whole.map(abs),
    "PositiveSmallIntegerField": st.integers(0, 2**15 - 1),
}


def rows_of(model: type[Model], **known: Any) -> st.SearchStrategy[Model]:
    """Return rows with any value in each column, and none where that may be."""
    columns = {}
    for field in _Columns.of(model).fields:
        source = field.target_field if isinstance(field, ForeignKey) else field
        values = VALUES[source.get_internal_type()]
        if values is texts:
            values = st.text(alphabet, max_size=field.max_length)
        columns[field.attname] = st.none() | values if field.null else values
    return st.builds(model, **columns | known)


def by_the_orm(row: Model) -> tuple[str, list[Any]]:
    query = InsertQuery(type(row))
    query.insert_values(_Columns.of(type(row)).fields, [row])
    [(sql, values)] = query.get_compiler("default").as_sql()
    return sql, list(values)


def comparable(value: Any) -> Any:
    """Return a value with its type: an integer's says which column it is for."""
    return type(value), value.obj if isinstance(value, Jsonb) else value


@pytest.mark.django_db
@pytest.mark.parametrize("model", WRITTEN)
@given(data=st.data())
def test_text_and_values_are_the_orms(model, data):
    row = data.draw(rows_of(model))

    sql, values = by_the_orm(row)

    assert _insert(model, ()) == sql
    ours = _Columns.of(model).values(row, connection)
    assert list(map(comparable, ours)) == list(map(comparable, values))


def test_every_model_that_a_decision_writes_is_checked_here(
    agent, give_policy, monkeypatch
):
    give_policy(agent, daily_budget="1000.00")
    written: set[type[Model]] = set()
    values = _Columns.values

    def noted(columns: _Columns, row: Model, database: Any) -> Any:
        written.add(type(row))
        return values(columns, row, database)

    monkeypatch.setattr(_Columns, "values", noted)
    spend(agent, "20.00")
    held(agent)
    call(agent)

    assert written == set(WRITTEN)


@pytest.mark.django_db
@given(
    rows=st.lists(
        rows_of(
            AuditEvent,
            id=st.builds(new_id, st.just("evt")),
            occurred_at=st.just(timezone.now()),
            outcome=st.sampled_from(AuditEvent.Outcome),
            details=st.dictionaries(texts, json),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_what_is_written_together_reads_as_if_saved(rows):
    twins = [AuditEvent(**values_of(row) | {"id": new_id("evt")}) for row in rows]

    write_together(Insert(twins))

    for row, twin in zip(rows, twins, strict=True):
        row.save(force_insert=True)
        saved, ours = (AuditEvent.objects.get(pk=one.pk) for one in (row, twin))
        assert values_of(ours) == values_of(saved) | {"id": twin.pk}


def values_of(row: Model) -> dict[str, Any]:
    fields = [field for field in row._meta.fields if not field.generated]
    return {field.attname: getattr(row, field.attname) for field in fields}


@pytest.mark.django_db
def test_a_second_write_of_the_same_row_updates_all_but_its_key(agent, give_policy):
    give_policy(agent, daily_budget="100.00")
    spend(agent, "20.00")
    budget = Budget.objects.get()
    budget.reserved_minor, budget.limit_minor = 777, None

    write_together(Insert([budget], unique_fields=("id",)))

    [again] = Budget.objects.all()
    assert (again.pk, again.reserved_minor, again.limit_minor) == (budget.pk, 777, None)
    assert (again.starts_at, again.count) == (budget.starts_at, 1)


@pytest.mark.parametrize(
    "field",
    [
        models.DateTimeField(auto_now=True),
        models.DateField(auto_now_add=True),
        models.FileField(),
        EncryptedTextField(),
    ],
)
def test_a_field_that_makes_its_value_while_saving_is_refused(field):
    field.name = field.attname = "stamped"

    with pytest.raises(TypeError, match="while it is saved"):
        _adapter(field)


@pytest.mark.usefixtures("as_owner")
@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE transactions_transaction ALTER merchant TYPE varchar(250)",
        "ALTER TABLE agents_agent ALTER name TYPE varchar(150)",
        "ALTER TABLE agents_agent ADD colour text",
        "ALTER TABLE transactions_agentactivity ADD colour text DEFAULT 'red'",
        "ALTER TABLE audit_auditevent ADD colour text",
        "DROP INDEX transaction_status",
        "ALTER TABLE security_resourcelock ALTER kind TYPE varchar(30)",
    ],
)
def test_prepared_statements_survive_a_change_of_the_schema(agent, change):
    for number in range(ENOUGH):
        spend(agent, f"{20 + number}.00")

    elsewhere(change)

    assert spend(agent, "49.99").body["outcome"] == "allow"
    assert Transaction.objects.count() == ENOUGH + 1
