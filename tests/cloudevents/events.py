"""Usage of tenants by the CloudEvents SDK: a batch that Gatepost tells, and one that others report.

    events.py read               reads a batch from standard input, prints what the SDK says of each event
    events.py write TENANT NOW   prints a batch of three events; NOW is in seconds

The SDK has no batches: their members are events in structured mode, and it reads and writes each.
"""

import json
import sys
from datetime import datetime, timedelta, timezone

from cloudevents.core.bindings.http import HTTPMessage, from_structured_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from cloudevents.v1.http import from_json

MEDIA = {"content-type": "application/cloudevents+json"}


def read(text):
    """One event, by the SDK of today and as its versions before 2 read it: both must say the same."""
    event = from_structured_event(HTTPMessage(headers=MEDIA, body=text.encode()))
    assert isinstance(event, CloudEvent), event
    before = from_json(text)
    for name, value in event.get_attributes().items():
        said = datetime.fromisoformat(before[name]) if isinstance(value, datetime) else before[name]
        assert said == value, (name, said, value)
    assert before.data == event.get_data(), (before.data, event.get_data())
    return {
        "id": event.get_id(),
        "source": event.get_source(),
        "subject": event.get_subject(),
        "type": event.get_type(),
        "time": event.get_time().isoformat(),
        "content_type": event.get_datacontenttype(),
        "data": event.get_data(),
    }


def write(tenant, now):
    """With the id and the time that the SDK chooses; with a time of another zone; with attributes that Gatepost ignores."""
    kind = {"source": "https://workflows.example/sdk", "type": "workflow_runs", "subject": tenant}
    zone = timezone(timedelta(hours=5, minutes=30))
    events = [
        CloudEvent(dict(kind), {"value": 5}),
        CloudEvent({**kind, "id": "run-2", "time": now.astimezone(zone)}, {"value": 7, "unit": "runs"}),
        CloudEvent(
            {
                **kind,
                "id": "run-3",
                "time": now,
                "datacontenttype": "application/json",
                "dataschema": "https://workflows.example/schema",
                "comexampleregion": "eu",
            },
            {"value": 30},
        ),
    ]
    return [json.loads(to_structured_event(event).body) for event in events]


if sys.argv[1] == "read":
    print(json.dumps([read(json.dumps(event)) for event in json.load(sys.stdin)]))
else:
    print(json.dumps(write(sys.argv[2], datetime.fromtimestamp(int(sys.argv[3]), timezone.utc))))
