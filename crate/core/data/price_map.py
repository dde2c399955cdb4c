"""Writes price-map.txt from the price map in LiteLLM's wheel: run it with a Python that has litellm installed.

    python crate/core/data/price_map.py [--check]

With --check it writes nothing and fails when the file is not what it would write. The format is described in
crate/core/src/catalog/map.rs. Prices keep every digit: they are never read as floats.
"""

import importlib.metadata
import importlib.util
import json
import re
import sys
from decimal import Decimal
from pathlib import Path

PRICES = {
    "input_cost_per_token": "i",
    "output_cost_per_token": "o",
    "cache_read_input_token_cost": "r",
    "cache_creation_input_token_cost": "w",
    "output_cost_per_reasoning_token": "h",
}
TIER = re.compile(r"^(.+?)_above_(\d+)(k?)_tokens$")


def number(value) -> str | None:
    """The shortest text of a price."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        price = Decimal(str(value))
    except ArithmeticError:
        return None
    if not price.is_finite() or price < 0:
        return None
    if price == 0:
        return "0"
    digits = "".join(str(digit) for digit in price.normalize().as_tuple().digits)
    exponent = price.normalize().as_tuple().exponent
    scientific = f"{digits}e{exponent}" if exponent else digits
    return min((scientific, format(price.normalize(), "f")), key=len)


def whole(value) -> str:
    if isinstance(value, bool) or value is None:
        return ""
    try:
        count = int(Decimal(str(value)))
    except ArithmeticError:
        return ""
    return str(count) if count > 0 else ""


def prices(entry: dict) -> list[str]:
    items = []
    for key, value in entry.items():
        text = number(value)
        if text is None:
            continue
        if key in PRICES:
            # What a model of images charges for them is its price of any output.
            if key == "output_cost_per_token" and text == "0":
                text = number(entry.get("output_cost_per_image_token")) or text
            items.append(f"{PRICES[key]}={text}")
        elif (tier := TIER.match(key)) and tier.group(1) in PRICES:
            above = int(tier.group(2)) * (1000 if tier.group(3) else 1)
            items.append(f"{PRICES[tier.group(1)]}>{above}={text}")
    if "output_cost_per_token" not in entry and (text := number(entry.get("output_cost_per_image_token"))):
        items.append(f"o={text}")
    for part in entry.get("tiered_pricing") or []:
        bounds = part.get("range") or []
        if len(bounds) == 2:
            low, high = (int(Decimal(str(bound))) for bound in bounds)
            items += [f"{PRICES[key]}@{low}-{high}={text}" for key in PRICES if (text := number(part.get(key)))]
    return items


def main() -> None:
    package = Path(importlib.util.find_spec("litellm").origin).parent
    text = (package / "model_prices_and_context_window_backup.json").read_text("utf-8")
    entries = json.loads(text, parse_float=str, parse_int=str)
    version = importlib.metadata.version("litellm")
    lines = [f"godoty-price-map/1 from LiteLLM {version}, MIT License, Copyright (c) 2023 Berri AI (see price-map.LICENSE)"]
    for name in sorted(entries):
        entry = entries[name]
        # LiteLLM itself looks for the name with its provider first.
        entry = entries.get(f"{entry.get('litellm_provider')}/{name}", entry)
        if name == "sample_spec" or entry.get("mode") != "chat" or re.search(r"[\t\n]", name):
            continue
        flags = "v" * bool(entry.get("supports_vision")) + "t" * bool(entry.get("supports_function_calling"))
        provider = entry.get("litellm_provider") or ""
        limits = [whole(entry.get("max_input_tokens")), whole(entry.get("max_output_tokens"))]
        lines.append("\t".join([name, provider, flags, *limits, " ".join(prices(entry))]))
    target = Path(__file__).with_name("price-map.txt")
    text = "\n".join(lines) + "\n"
    if "--check" in sys.argv:
        if target.read_text("utf-8") != text:
            sys.exit(f"{target.name} is not what LiteLLM {version} says: run price_map.py")
        return
    target.write_text(text, "utf-8", newline="\n")
    print(f"{target.name}: {len(lines) - 1} models, {target.stat().st_size} bytes", file=sys.stderr)


main()
