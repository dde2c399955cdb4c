const picoDigits = 12;
const significantDigits = 4;

/**
 * What the status bar is expected to show for an amount in whole pico-USD below one dollar: four significant digits,
 * rounded half up, and at least two decimals. Written apart from the core, which it judges.
 */
export function formatUsd(pico: bigint): string {
  if (pico >= 10n ** BigInt(picoDigits)) throw new RangeError('this formats amounts below one dollar');
  const dropped = BigInt(Math.max(0, pico.toString().length - significantDigits));
  const unit = 10n ** dropped;
  const rounded = ((pico + unit / 2n) / unit) * unit;
  const digits = rounded.toString().padStart(picoDigits + 1, '0');
  const fraction = digits.slice(-picoDigits).replace(/0+$/, '').padEnd(2, '0');
  return `$${digits.slice(0, -picoDigits)}.${fraction}`;
}
