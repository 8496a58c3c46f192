//! A map of bounded weight that forgets what nobody asks for.
//!
//! Two generations: what is new or asked for is young; when the young weigh half of the bound they become the old, and
//! the old of before are forgotten. Whatever is asked for at least once while half of the bound comes in stays. This
//! is nearly what counting every use would give, without a list to reorder on each look.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::mem;

/// Values with the weight each counts for.
pub(super) struct Generations<K, V> {
    young: HashMap<K, (V, usize)>,
    old: HashMap<K, (V, usize)>,
    young_weight: usize,
    young_weight_max: usize,
}

impl<K: Hash + Eq, V> Generations<K, V> {
    /// Holds values that together weigh no more than `weight_max`.
    pub(super) fn new(weight_max: usize) -> Self {
        let (young, old) = (HashMap::new(), HashMap::new());
        Self {
            young,
            old,
            young_weight: 0,
            young_weight_max: weight_max / 2,
        }
    }

    /// The value of a key, which is young from now on.
    pub(super) fn get<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        if let Some((key, (value, weight))) = self.old.remove_entry(key) {
            self.insert(key, value, weight);
        }
        self.young.get_mut(key).map(|(value, _)| value)
    }

    /// Sets the value of a key. One that alone weighs more than half of the bound is not kept.
    pub(super) fn insert(&mut self, key: K, value: V, weight: usize) {
        self.old.remove(&key);
        if let Some((_, before)) = self.young.remove(&key) {
            self.young_weight -= before;
        }
        if weight > self.young_weight_max {
            return;
        }
        if self.young_weight + weight > self.young_weight_max {
            self.old = mem::take(&mut self.young);
            self.young_weight = 0;
        }
        self.young_weight += weight;
        self.young.insert(key, (value, weight));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays() {
        let mut memo = Generations::new(8);
        memo.insert("asked", 0, 1);
        memo.insert("forgotten", 0, 1);
        for number in 0..100 {
            memo.insert("new", number, 1);
            memo.insert(["a", "b", "c", "d", "e"][number % 5], number, 1);
            assert_eq!(memo.get("asked"), Some(&mut 0));
        }
        assert_eq!(memo.get("new"), Some(&mut 99));
        assert_eq!(memo.get("forgotten"), None);
    }

    #[test]
    fn the_bound_holds() {
        let mut memo = Generations::new(100);
        for number in 0..1_000usize {
            memo.insert(number, (), number % 60);
            let weight = |map: &HashMap<usize, ((), usize)>| {
                map.values().map(|(_, weight)| weight).sum::<usize>()
            };
            assert_eq!(weight(&memo.young), memo.young_weight);
            assert!(weight(&memo.young) + weight(&memo.old) <= 100);
        }
        assert_eq!(memo.get(&59), None, "too heavy to keep");
    }
}
