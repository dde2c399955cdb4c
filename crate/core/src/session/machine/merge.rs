//! What memory holds once the store was read.

use crate::auth::AuthSession;
use crate::session::Record;

/// Joins what memory holds with what the store holds now. `base` is what the store held before, if that is known: what others
/// have changed since then counts, and what they left alone stays as memory has it, stored or not.
pub(super) fn merge(mine: Record, base: Option<&Record>, theirs: &Record) -> Record {
    let flow_stays = base.map_or(mine.flow.is_some(), |base| base.flow == theirs.flow);
    let session_stays = match (&mine.session, &theirs.session) {
        // A text from before our last renewal: what it names was used up. 0 is a text that was not counted.
        (Some(mine), Some(theirs)) if is_same(mine, theirs) => {
            theirs.generation > 0 && (theirs.generation, theirs.expires_at) < (mine.generation, mine.expires_at)
        }
        // A sign-in that the store did not take stands until somebody signs in elsewhere.
        (Some(mine), theirs) => {
            let knows = |session: &AuthSession| base.is_some_and(|base| holds(base, session));
            !knows(mine) && (base.is_none() || theirs.as_ref().is_none_or(knows))
        }
        // So does an end that the store did not take, unless somebody went on with the session.
        (None, Some(theirs)) => {
            let before = base.and_then(|base| base.session.as_ref());
            before.is_some_and(|before| is_same(before, theirs) && before.generation == theirs.generation)
        }
        (None, None) => true,
    };
    // The key of a sign-in that is over elsewhere is nobody's here, stored or not.
    let goes_on = session_stays || mine.session.as_ref().is_some_and(|mine| holds(theirs, mine));
    let key_stays = goes_on
        && base.map_or(mine.model_access.is_some(), |base| {
            base.model_access == theirs.model_access
        });
    Record {
        session: if session_stays {
            mine.session
        } else {
            theirs.session.clone()
        },
        model_access: if key_stays {
            mine.model_access
        } else {
            theirs.model_access.clone()
        },
        flow: if flow_stays { mine.flow } else { theirs.flow.clone() },
    }
}

/// Whether the record holds this sign-in.
pub(super) fn holds(record: &Record, session: &AuthSession) -> bool {
    record.session.as_ref().is_some_and(|held| is_same(held, session))
}

/// Whether these are of the same sign-in.
pub(super) fn is_same(one: &AuthSession, other: &AuthSession) -> bool {
    one.account.session_id == other.account.session_id
}
