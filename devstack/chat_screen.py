"""A turn on the terminal: live with rich where there is one, else one plain line per event."""

from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from domain.cards import RecItem
from domain.progress import Delta, Failed, ProgressEvent, Reset, Result, Step, StepState
from domain.turn import ChatTurnResult, StepName

STEP_MARKS = {
    StepState.FINISHED: ("done   ", "green"),
    StepState.FAILED: ("failed ", "red"),
    StepState.STOPPED: ("stopped", "yellow"),
    StepState.STARTED: ("started", "dim"),
    StepState.RETRYING: ("again  ", "yellow"),
}
UNDER_WAY = (StepState.STARTED, StepState.RETRYING)


class PlainScreen:
    """For a pipe or a file. The text is told once, with the result, not as it is written."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, event: ProgressEvent) -> None:
        if isinstance(event, Step):
            self._console.print(_step_line(event), soft_wrap=True)


class LiveScreen:
    """The steps with their durations, below them the reply while it is written."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=12)
        self._steps: dict[StepName, Step] = {}
        self._attempt = 0
        self.text = ""

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, event: ProgressEvent) -> None:
        match event:
            case Step():
                self._steps[event.step] = event
            case Reset():
                self._attempt, self.text = event.attempt, ""
            case Delta() if event.attempt >= self._attempt:
                kept = self.text if event.attempt == self._attempt else ""
                self._attempt, self.text = event.attempt, kept + event.text
            case Result() | Failed():
                self.text = ""  # what holds is printed below the steps
        self._live.update(self._picture())

    def _picture(self) -> RenderableType:
        steps = [
            Spinner("dots", _step_line(step)) if step.state in UNDER_WAY else _step_line(step)
            for step in self._steps.values()
        ]
        return Group(*steps, *([Text(f"\n{self.text}")] if self.text else []))


def screen_for(console: Console) -> PlainScreen | LiveScreen:
    return LiveScreen(console) if console.is_terminal else PlainScreen(console)


def print_result(console: Console, result: ChatTurnResult, temporal_ui: str | None) -> None:
    """The reply, its cards, what had to be done without, and where to look at the turn."""
    lines = [Text(), Text(result.response_text, style="bold"), Text()]
    lines += [_card(card) for card in result.recommendations]
    lines += [Text(f"{one.step} failed ({one.reason}): {one.fallback}", "yellow") for one in result.degraded]
    lines += [Text(f"\nThis turn in Temporal: {temporal_ui}", "dim")] if temporal_ui else []
    for line in lines:
        console.print(line, soft_wrap=True)


def _step_line(step: Step) -> Text:
    mark, style = STEP_MARKS[step.state]
    took = f"{step.took_ms} ms" if step.took_ms is not None else ""
    attempt = f" (attempt {step.attempt})" if step.attempt and step.attempt > 1 else ""
    line = Text(f"{mark} ", style=style).append(f"{step.step:<12}", "bold").append(f"{took:>9}  ", "dim")
    return line.append(f"{step.summary}{attempt}{f' [{step.error}]' if step.error else ''}", "default")


def _card(card: RecItem) -> Text:
    facts = "  ".join((card.price, card.area, ", ".join(card.badges)))
    return Text("- ").append(card.title, "cyan").append(f"  {facts}")
