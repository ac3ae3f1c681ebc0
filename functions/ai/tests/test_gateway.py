"""The gateway: one shape for every provider, whatever it answers."""

import subprocess
import sys

import pytest

from functions.ai.gateway import Provider, analyze_mail
from functions.ai.local.provider import LOCAL
from functions.ai.models import Analysis, AnalysisInvalid, Entity, MailText

MAIL = MailText(text="Ann Lee wrote.")
ANN = Entity(
    kind="person", value="Ann Lee", quote="Ann Lee", start=0, end=7, source="text", confidence=1
)


def provider(answer: Analysis) -> Provider:
    return Provider(name="p", model="m", prompt_version="1", analyze=lambda mail: answer)


def test_an_answer_is_grounded_and_its_usage_recorded() -> None:
    invented = ANN.model_copy(update={"quote": "Bob Roe", "value": "Bob Roe"})
    answer = Analysis(entities=(ANN, invented), model="m", provider="p")
    result = analyze_mail(MAIL, provider(answer))
    assert result.analysis.entities == (ANN,)
    assert result.usage.dropped == 1
    assert (result.usage.provider, result.usage.model, result.usage.prompt_version) == (
        "p",
        "m",
        "1",
    )
    assert result.usage.cost_usd_micros == 0
    assert result.usage.duration_ms > 0


def test_an_answer_in_another_shape_is_refused() -> None:
    broken = Analysis(model="m", provider="p").model_copy(update={"intent": "wire the money"})
    with pytest.raises(AnalysisInvalid, match="p answered in another shape"):
        analyze_mail(MAIL, provider(broken))


def test_an_answer_in_anothers_name_is_refused() -> None:
    with pytest.raises(AnalysisInvalid, match="p/m answered as q/m"):
        analyze_mail(MAIL, provider(Analysis(model="m", provider="q")))


def test_the_local_provider_names_itself() -> None:
    usage = analyze_mail(MAIL, LOCAL).usage
    assert (usage.provider, usage.model, usage.dropped) == ("local", "local-1", 0)


@pytest.mark.parametrize("module", ["models", "gateway", "local.provider"])
def test_importing_loads_neither_lexicon_nor_numbering_plans(module: str) -> None:
    code = (
        f"import sys, functions.ai.{module}; "
        "print({'phonenumbers', 'vaderSentiment'} & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"
