//! A small deterministic source of chance: a seed names a run, on every machine.

/// SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators").
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A source that is fixed by its seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `least` to `most`, both included.
    pub fn between(&mut self, least: u32, most: u32) -> u32 {
        let span = u64::from(most - least) + 1;
        least + u32::try_from(((self.bits() >> 32) * span) >> 32).unwrap_or_default()
    }

    /// True in that many of a hundred cases.
    pub fn percent(&mut self, chance: u32) -> bool {
        self.between(1, 100) <= chance
    }

    /// One item of a pool.
    pub fn one<T: Copy>(&mut self, pool: &[T]) -> T {
        let last = u32::try_from(pool.len() - 1).unwrap_or(u32::MAX);
        *pool.get(self.between(0, last) as usize).unwrap_or_else(|| panic!("a pool has items"))
    }

    /// One item of a pool, by weight.
    pub fn weighted<T: Copy>(&mut self, pool: &[(T, u32)]) -> T {
        let mut left = self.between(1, pool.iter().map(|(_, weight)| weight).sum());
        for (item, weight) in pool {
            if left <= *weight {
                return *item;
            }
            left -= weight;
        }
        panic!("the weights of a pool add up")
    }

    /// Different items of a pool, in random order.
    pub fn some<T: Copy>(&mut self, pool: &[T], least: u32, most: u32) -> Vec<T> {
        let mut items = pool.to_vec();
        self.shuffle(&mut items);
        items.truncate(self.between(least, most) as usize);
        items
    }

    /// Another order of the same items.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for place in (1..items.len()).rev() {
            let other = self.between(0, u32::try_from(place).unwrap_or(u32::MAX)) as usize;
            items.swap(place, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn a_seed_names_one_sequence() {
        let draw = |seed| {
            let mut random = Random::new(seed);
            [random.bits(), random.bits()]
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        // The published first outputs of SplitMix64 for seed 1234567.
        assert_eq!(draw(1_234_567), [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn every_number_of_a_range_comes_up() {
        let mut random = Random::new(1);
        let mut seen = [false; 6];
        for _ in 0..200 {
            seen[random.between(2, 7) as usize - 2] = true;
        }
        assert_eq!(seen, [true; 6]);
    }
}
