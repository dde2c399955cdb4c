//! A small table: what is under way, by id. There are a handful of rows, so a list beats a tree in size and speed.

use std::cell::RefCell;

/// Rows by id.
pub(crate) struct Table<K, V>(RefCell<Vec<(K, V)>>);

impl<K: PartialEq, V> Table<K, V> {
    pub(crate) const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    pub(crate) fn put(&self, key: K, value: V) {
        self.0.borrow_mut().push((key, value));
    }

    pub(crate) fn take(&self, key: &K) -> Option<V> {
        let mut rows = self.0.borrow_mut();
        let at = rows.iter().position(|(row, _)| row == key)?;
        Some(rows.swap_remove(at).1)
    }
}
