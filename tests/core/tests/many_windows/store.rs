//! The session store that windows share, as a model, in three kinds.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use godoty_core::secret::Secret;
use godoty_core::session::{Change, StoreId};
use serde_json::Value;

/// What the store does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Reads see what was written last; an update is exclusive in its own window alone (a desktop's secret storage).
    Shared,
    /// Each window has the copy that it opened with, and writes all of it back (a browser's secret storage).
    Private,
    /// Reads see what was written last, and an update excludes all windows (the vault).
    Vault,
}

/// How windows hear of each other's writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    Delayed,
    Doubled,
    Missing,
}

/// Who holds or waits for the exclusive update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) window: usize,
    pub(crate) epoch: u32,
    pub(crate) id: StoreId,
}

pub(crate) struct Store {
    pub(crate) kind: Kind,
    text: Option<Secret>,
    copies: BTreeMap<usize, Option<Secret>>,
    /// The sessions that were ever written, by id.
    held: BTreeSet<String>,
    pub(crate) holder: Option<Ticket>,
    pub(crate) waiting: VecDeque<Ticket>,
}

impl Store {
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            text: None,
            copies: BTreeMap::new(),
            held: BTreeSet::new(),
            holder: None,
            waiting: VecDeque::new(),
        }
    }

    /// A window opens: what it sees from now on.
    pub(crate) fn open(&mut self, window: usize) {
        self.copies.insert(window, self.text.clone());
    }

    pub(crate) fn read(&self, window: usize) -> Option<Secret> {
        match self.kind {
            Kind::Private => self.copies[&window].clone(),
            Kind::Shared | Kind::Vault => self.text.clone(),
        }
    }

    /// Whether anything was written that others might see.
    pub(crate) fn write(&mut self, window: usize, change: Change) -> bool {
        let text = match change {
            Change::Keep => return false,
            Change::Erase => None,
            Change::Replace(text) => Some(text),
        };
        self.held.extend(text.as_ref().and_then(session_id));
        self.copies.insert(window, text.clone());
        self.text = text;
        self.kind != Kind::Private
    }

    /// Whether anybody is signed in, as far as the store knows.
    pub(crate) fn is_signed_in(&self) -> bool {
        self.text.as_ref().and_then(session_id).is_some()
    }

    /// Whether this session was ever written.
    pub(crate) fn has_held(&self, session_id: &str) -> bool {
        self.held.contains(session_id)
    }
}

fn session_id(text: &Secret) -> Option<String> {
    let record: Value = serde_json::from_str(text.expose()).ok()?;
    Some(record["session"]["session_id"].as_str()?.to_owned())
}
