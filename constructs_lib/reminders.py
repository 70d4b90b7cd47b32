"""The state machine that reminds: it waits, checks whether an alarm lasts, sends a reminder, and starts itself anew.

One execution per reminder keeps the history short, leaves no execution to run into its year's limit (Step Functions
quotas), and lets a deploy change what the next one does.

It is a document, not the CDK's states: half of the states are tasks, and importing ``aws_stepfunctions_tasks`` takes
1.1 seconds of CPU at every synth, which is as much as all other imports of the app together. ``CustomState`` takes the
same document.
"""

from collections.abc import Sequence

_DESCRIBE_ALARMS = "aws-sdk:cloudwatch:describeAlarms"
_RETRY = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 5, "MaxAttempts": 6, "BackoffRate": 2}]


def definition(
    *,
    partition: str,
    deployment: str,
    machine_arn: str,
    remind_after_seconds: int,
    topic_arns: Sequence[str],
    event_source: str | None,
) -> dict[str, object]:
    """Write the state machine's definition.

    Its input is ``{alarm, state, at}`` from an event rule, where ``state`` is ALARM, OK or TEST, or ``{alarm, since}``
    from itself. ``since`` is when the alarm last changed its state: if it ended and began again meanwhile, the new
    beginning has executions of its own, and the older ones end.

    Parameters
    ----------
    partition
        The partition: an integration's ARN of another one deploys and fails at every execution (aws-cdk#4597).
    deployment
        What messages begin with.
    machine_arn
        The state machine's own ARN.
    remind_after_seconds
        How long it waits.
    topic_arns
        Topics that it notifies.
    event_source
        Source of an event that carries the message as well, for the webhook. None: no event.
    """
    integrations = f"arn:{partition}:states:::"
    return {
        "QueryLanguage": "JSONata",
        "StartAt": "Route",
        "States": {
            "Route": {
                "Type": "Choice",
                "Choices": [
                    {"Condition": "{% $states.input.state = 'OK' %}", "Next": "Recovered"},
                    {"Condition": "{% $states.input.state = 'TEST' %}", "Next": "Test"},
                    {"Condition": "{% $exists($states.input.since) %}", "Next": "Wait"},
                ],
                "Default": "DescribeAlarm",
            },
            "Recovered": _message(
                f"'[{deployment}] recovered: ' & $states.input.alarm",
                f"'[{deployment}] recovered: none of the alarms of ' & $states.input.alarm & ' is on, since ' & "
                "$states.input.at & '.'",
            ),
            "Test": _message(
                f"'[{deployment}] test'",
                f"'[{deployment}] test: you receive the alarms of {deployment}.'",
            ),
            "Wait": {"Type": "Wait", "Seconds": remind_after_seconds, "Next": "DescribeAlarm"},
            "DescribeAlarm": {
                "Type": "Task",
                "Resource": f"{integrations}{_DESCRIBE_ALARMS}",
                "Arguments": {"AlarmNames": ["{% $states.input.alarm %}"], "AlarmTypes": ["CompositeAlarm"]},
                "Retry": _RETRY,
                "Assign": {
                    "alarm": "{% $states.input.alarm %}",
                    "previous_since": "{% $exists($states.input.since) ? $states.input.since : '' %}",
                    "since": "{% ($on := $states.result.CompositeAlarms[StateValue='ALARM']; "
                    "$exists($on) ? $string($on.StateTransitionedTimestamp) : '') %}",
                },
                "Next": "StillInAlarm",
            },
            "StillInAlarm": {
                "Type": "Choice",
                "Choices": [
                    {
                        "Condition": "{% $since != '' and ($previous_since = '' or $previous_since = $since) %}",
                        "Next": "ScheduleNext",
                    }
                ],
                "Default": "Done",
            },
            # Before it notifies: if that fails, the execution fails, and the next reminder is already scheduled.
            "ScheduleNext": {
                "Type": "Task",
                "Resource": f"{integrations}states:startExecution",
                "Arguments": {
                    "StateMachineArn": machine_arn,
                    "Input": {"alarm": "{% $alarm %}", "since": "{% $since %}"},
                },
                "Retry": _RETRY,
                "Next": "IsFirst",
            },
            # CloudWatch has notified of the alarm's beginning.
            "IsFirst": {
                "Type": "Choice",
                "Choices": [{"Condition": "{% $previous_since = '' %}", "Next": "Done"}],
                "Default": "ListAlarms",
            },
            "ListAlarms": {
                "Type": "Task",
                "Resource": f"{integrations}{_DESCRIBE_ALARMS}",
                "Arguments": {"AlarmNamePrefix": "{% $alarm & '/' %}", "StateValue": "ALARM"},
                "Retry": _RETRY,
                "Assign": {
                    "subject": f"{{% '[{deployment}] still on: ' & $alarm %}}",
                    "text": f"{{% '[{deployment}] still on: ' & $alarm & ', since ' & $since & '. ' & $join($map("
                    "$states.result.MetricAlarms, function($each) { $each.AlarmName & ': ' & $each.AlarmDescription & "
                    "' (' & $each.StateReason & ')' }), ' ') %}",
                },
                "Next": "Notify",
            },
            "Notify": {
                "Type": "Parallel",
                "Branches": _branches(integrations, topic_arns, event_source),
                "Next": "Done",
            },
            "Done": {"Type": "Succeed"},
        },
    }


def _message(subject: str, text: str) -> dict[str, object]:
    return {"Type": "Pass", "Assign": {"subject": f"{{% {subject} %}}", "text": f"{{% {text} %}}"}, "Next": "Notify"}


def _branches(integrations: str, topic_arns: Sequence[str], event_source: str | None) -> list[dict[str, object]]:
    """Return a branch for each topic, and one for the webhook; one that fails for good fails the execution."""
    tasks: list[tuple[str, dict[str, object]]] = [
        ("sns:publish", {"TopicArn": arn, "Subject": "{% $subject %}", "Message": "{% $text %}"}) for arn in topic_arns
    ]
    if event_source:
        entry = {"Source": event_source, "DetailType": "Alarm message", "Detail": {"text": "{% $text %}"}}
        tasks.append(("events:putEvents", {"Entries": [entry]}))
    branches: list[dict[str, object]] = []
    for at, (action, arguments) in enumerate(tasks):
        name = f"Notify{at}"
        task = {"Type": "Task", "Resource": f"{integrations}{action}", "Arguments": arguments, "Retry": _RETRY}
        branches.append({"StartAt": name, "States": {name: {**task, "End": True}}})
    return branches
