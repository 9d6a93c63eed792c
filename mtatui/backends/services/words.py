"""Services in words, for both faces: in a few cells of a table, and as the question before a deed."""

from __future__ import annotations

from mtatui.backends.services import Service
from mtatui.text import ago, size


def running(service: Service, now: float) -> str:
    """Whether and since when it runs, and what memory it takes."""
    if not service.configured:
        return "–"
    if service.within:
        return f"in {service.within}"
    if service.runs is None:
        return "elsewhere"
    if service.running is None:
        return "✖ no"
    if not service.running.pid:
        return "✔ yes"
    memory = f", {size(service.running.memory)}" if service.running.memory else ""
    return f"✔ {ago(now - service.running.since)}{memory}"


def answering(service: Service) -> str:
    """Whether it answers, and what it says or what is wrong."""
    mark = {True: "✔ ", False: "✖ ", None: ""}[service.answering]
    if service.configured and service.runs is False and service.answering is None:
        mark = "✖ "
    return mark + service.said


def question(service: Service, deed: str) -> list[str]:
    """What a deed means, to be asked before it is done."""
    if service.id == "postfix" and deed in ("stop", "restart"):
        lasts = "until it is started again" if deed == "stop" else "for a moment"
        return [
            f"No mail is taken, sent or delivered {lasts}. What is in the queue stays there.",
            "Deliveries under way are cut off and tried again later.",
        ]
    return {
        "start": [f"{service.id} is started."],
        "stop": [
            f"{service.role} stops until it is started again. Mail that needs {service.id} waits, is "
            "refused, or passes without it, as Postfix is configured.",
        ],
        "restart": [f"{service.id} is stopped and started; for a moment it does not answer."],
        "reload": [f"{service.id} reads its configuration anew; what is under way goes on."],
    }[deed]
