"""The ledger is history, a reservation only goes forward, and so does a status.

Functions as in 0002: the database refuses what no service does.
"""

from django.db import migrations

from transactions.decisions.core.states import NEXT

PAIRS = ", ".join(
    f"('{before}', '{after}')"
    for before, following in sorted(NEXT.items())
    for after in sorted(following)
)

FORWARDS = f"""
CREATE FUNCTION refuse_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.status, NEW.status) NOT IN ({PAIRS}) THEN
        RAISE EXCEPTION 'A transaction does not go from % to %.', OLD.status, NEW.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse_transition BEFORE UPDATE ON transactions_transaction
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION refuse_transition();

CREATE TRIGGER refuse_return BEFORE UPDATE ON transactions_reservation
    FOR EACH ROW WHEN (
        NEW.amount_minor < OLD.amount_minor
        OR NEW.captured_minor < OLD.captured_minor
        OR NEW.released_minor < OLD.released_minor
        OR NEW.late_minor < OLD.late_minor
        OR NEW.refunded_minor < OLD.refunded_minor)
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_delete BEFORE DELETE ON transactions_reservation
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON transactions_reservation
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
""" + "".join(
    f"""
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON transactions_{table}
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON transactions_{table}
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""
    for table in ("ledgerentry", "refund", "latecapture")
)

BACKWARDS = """
DROP TRIGGER refuse_transition ON transactions_transaction;
DROP FUNCTION refuse_transition();
DROP TRIGGER refuse_return ON transactions_reservation;
DROP TRIGGER refuse_delete ON transactions_reservation;
DROP TRIGGER refuse_truncate ON transactions_reservation;
""" + "".join(
    f"""
DROP TRIGGER refuse_change ON transactions_{table};
DROP TRIGGER refuse_truncate ON transactions_{table};
"""
    for table in ("ledgerentry", "refund", "latecapture")
)


class Migration(migrations.Migration):
    dependencies = [("transactions", "0006_money")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
