"""An actor has one live incident, which tells every limit that was exceeded.

Of several that are live, the oldest goes on and takes what the others measured; the
others are resolved. Risk scores are told as everywhere: 0.8100, not 8100. Locks say
the name of what they stop.
"""

from django.db import migrations, models
from django.db.models import Q

FORWARDS = """
UPDATE security_incident SET value = to_char(value::numeric / 10000, 'FM0.0000')
WHERE trigger = 'risk_score' AND value ~ '^[0-9]{1,5}$';
UPDATE security_incident i SET measured = (
    SELECT jsonb_object_agg(o.trigger, o.value) FROM security_incident o
    WHERE o.id = i.id
       OR (o.resource_kind = i.resource_kind AND o.resource_id = i.resource_id
           AND o.status NOT IN ('resolved', 'closed')
           AND i.status NOT IN ('resolved', 'closed')));
UPDATE security_incident i SET status = 'resolved', ended_at = now()
WHERE i.status NOT IN ('resolved', 'closed') AND EXISTS (
    SELECT 1 FROM security_incident o
    WHERE o.resource_kind = i.resource_kind AND o.resource_id = i.resource_id
      AND o.status NOT IN ('resolved', 'closed')
      AND (o.opened_at, o.id) < (i.opened_at, i.id));
"""


class Migration(migrations.Migration):

    dependencies = [
        ("security", "0006_agents_change_hands"),
    ]

    operations = [
        migrations.AddField(
            model_name='incident',
            name='measured',
            field=models.JSONField(default=dict, help_text='Every limit that was exceeded, with what was measured.'),
        ),
        migrations.AddField(
            model_name='resourcelock',
            name='target_label',
            field=models.CharField(blank=True, default='', help_text='Its name when it was locked.', max_length=200),
            preserve_default=False,
        ),
        migrations.RunSQL(FORWARDS, migrations.RunSQL.noop),
        migrations.RemoveConstraint(
            model_name='incident',
            name='one_live_incident_per_trigger_and_resource',
        ),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.UniqueConstraint(condition=Q(('status__in', ['resolved', 'closed']), _negated=True), fields=('resource_kind', 'resource_id'), name='one_live_incident_per_resource'),
        ),
    ]
