"""E4: whatever anybody sends to any operation, the schema has the answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import GenerationMode

from tests.access.table import ADMIN, AGENT, ANONYMOUS, MANAGER, USER
from tests.access.walk import OWN_OBJECT
from tests.access.world import make_world
from tests.flows.test_e4_fuzzing import BOUNDED, SCHEMA, send
from tests.rollback import rolled_back

OPERATIONS = [result.ok() for result in SCHEMA.get_all_operations()]

pytestmark = [
    pytest.mark.stress,
    pytest.mark.django_db,
    pytest.mark.usefixtures("spacious_limits"),
]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("reads", [True, False])
@pytest.mark.parametrize("caller", [ANONYMOUS, USER, MANAGER, ADMIN, AGENT])
def test_e4_every_answer_is_declared(caller, reads, mode):
    """tests/declared.py looks at each: its status, media type, code and body."""
    world = make_world()
    cases = st.sampled_from(
        [one for one in OPERATIONS if (one.method == "get") is reads]
    ).flatmap(lambda operation: operation.as_strategy(generation_mode=mode))

    @BOUNDED
    @given(case=cases, is_found=st.booleans())
    def ask(case, is_found):
        if is_found:
            own = world.objects[OWN_OBJECT]
            case.path_parameters = {
                name: own.get(name, value)
                for name, value in case.path_parameters.items()
            }
        case.query.pop("wait", None)  # What is held would be waited for.
        with rolled_back():
            response = send(world.api[caller], case)

        assert response.status_code < 500, (case.formatted_path, case.body)

    ask()
