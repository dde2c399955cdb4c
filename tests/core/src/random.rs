//! Usages of calls by chance, repeatable.

use godoty_core::cost::Usage;

/// A small generator (`SplitMix64`), so that a printed seed repeats a run.
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    ///
    /// # Panics
    /// When `end` is zero.
    pub const fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// One of the list.
    ///
    /// # Panics
    /// When the list is empty.
    pub fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        let at = self.below(list.len() as u64);
        list[usize::try_from(at).unwrap()]
    }

    /// The usage of a call: short prompts, long ones, and those around the thresholds of tiers and ranges.
    ///
    /// # Panics
    /// Never: its lists are not empty.
    pub fn usage(&mut self) -> Usage {
        let thresholds = [32_000, 100_000, 128_000, 200_000, 256_000, 272_000, 512_000, 1_000_000];
        let around = self.pick(&thresholds) - 2 + self.below(5);
        let (short, long) = (self.below(5000), self.below(2_000_000));
        let prompt = self.pick(&[short, short, long, around]);
        let part = |random: &mut Self, of: u64| {
            let some = random.below(of + 1);
            random.pick(&[0, 0, some, of])
        };
        let cached = part(self, prompt);
        let cache_write = part(self, prompt - cached);
        // Some servers report more than there can be.
        let cached = if self.below(20) == 0 {
            cached + self.below(1000)
        } else {
            cached
        };
        let completion = self.below(20_000);
        let reasoning = part(self, completion);
        let reasoning = if self.below(20) == 0 {
            reasoning + self.below(1000)
        } else {
            reasoning
        };
        let apart = if self.below(4) == 0 { reasoning } else { 0 };
        Usage {
            prompt,
            completion,
            total: prompt + completion + apart,
            cached,
            cache_write,
            reasoning,
        }
    }
}
