"""Keeps schemathesis from ending the sessions with which it calls.

It takes ids from answers, so it finds those of its callers. A write about a caller is sent about a person that there
never was.
"""

import json
import os

import schemathesis

CALLERS = json.loads(os.environ["CONTRACT_CALLERS"])
NOBODY = "00000000-0000-7000-8000-000000000000"


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.method != "GET":
        for name, value in (case.path_parameters or {}).items():
            if value in CALLERS:
                case.path_parameters[name] = NOBODY
