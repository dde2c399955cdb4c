"""What LiteLLM bills: for each line {"model", "provider", "usage": {…}} on stdin, one line {"cost": text} or {"error": text}.

`cost_per_token` of the installed library is asked as the proxy asks it. Off-peak prices are taken out first: our estimate
knows no time of day.
"""

import json
import logging
import os
import sys

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import litellm  # noqa: E402
from litellm.cost_calculator import cost_per_token  # noqa: E402
from litellm.types.utils import CompletionTokensDetailsWrapper, PromptTokensDetailsWrapper, Usage  # noqa: E402

logging.disable(logging.CRITICAL)
litellm.suppress_debug_info = True
# The library prints hints; what is read are the answers alone.
answers, sys.stdout = sys.stdout, sys.stderr
for entry in litellm.model_cost.values():
    entry.pop("off_peak_pricing", None)


def provider_of(name: str, listed: str) -> str:
    """The provider that calls of this model go to: the map lists families of some (vertex_ai-anthropic_models)."""
    for prefix in ("vertex_ai", "bedrock"):
        if listed.startswith(prefix) and listed != "bedrock_mantle":
            return prefix
    return "cohere_chat" if listed == "cohere" else listed


def cost(case: dict) -> str:
    usage = case["usage"]
    details = PromptTokensDetailsWrapper(
        cached_tokens=usage["cached"],
        cache_creation_tokens=usage["cache_write"],
    )
    reported = Usage(
        prompt_tokens=usage["prompt"],
        completion_tokens=usage["completion"],
        total_tokens=usage["total"],
        prompt_tokens_details=details,
        completion_tokens_details=CompletionTokensDetailsWrapper(reasoning_tokens=usage["reasoning"]),
    )
    costs = cost_per_token(
        model=case["model"],
        custom_llm_provider=provider_of(case["model"], case["provider"]),
        usage_object=reported,
        prompt_tokens=usage["prompt"],
        completion_tokens=usage["completion"],
    )
    return repr(float(sum(costs)))


print(f"litellm from {os.path.dirname(litellm.__file__)}", file=sys.stderr)
for line in sys.stdin:
    try:
        answer = {"cost": cost(json.loads(line))}
    except Exception as error:  # the test decides what an unknown model means
        answer = {"error": f"{type(error).__name__}: {error}"[:300]}
    print(json.dumps(answer), file=answers)
