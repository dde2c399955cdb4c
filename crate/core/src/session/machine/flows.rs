//! Ending a flow, exactly once: under the store's lock, from the look at it to the session in its place.

use alloc::boxed::Box;

use super::{Job, Session, Step, Write};
use crate::auth::Millis;
use crate::error::{Error, ErrorCode, Server};
use crate::http::{Response, TransportError};
use crate::oauth::{Flow, FlowState, Outcome, Pasted};
use crate::secret::Secret;
use crate::session::{Answer, RequestId, StoreError, StoreId};

/// How often a window that waits looks into the store, in milliseconds: not every host tells of changes.
const LOOK_MS: u64 = 2_000;

impl Session {
    fn flow(&self) -> Option<&Flow> {
        self.record.as_ref()?.flow.as_ref()
    }

    /// The verifier of the flow that this proof may end.
    fn verifier_for(&self, proof: &Pasted, now: Millis) -> Result<Secret, ErrorCode> {
        let flow = self.flow().ok_or(ErrorCode::CallbackUnknown)?;
        let belongs = match proof {
            Pasted::Callback(callback) => callback.nonce.as_ref().is_none_or(|nonce| *nonce == flow.nonce),
            Pasted::Code(_) => true,
            Pasted::Digits(_) => flow.way.by_mail(),
        };
        match &flow.state {
            _ if !belongs => Err(ErrorCode::CallbackUnknown),
            FlowState::Completed | FlowState::Failed(_) => Err(ErrorCode::CallbackUsed),
            FlowState::Pending(_) if flow.is_over(now) => Err(ErrorCode::SignInExpired),
            FlowState::Pending(verifier) => Ok(verifier.clone()),
        }
    }

    pub(super) fn flow_locked(
        &mut self,
        store: StoreId,
        request: RequestId,
        proof: Pasted,
        current: Result<Option<Secret>, StoreError>,
        now: Millis,
    ) {
        let blind = current.is_err() && self.flow().is_some_and(|flow| self.is_shared(&flow.nonce));
        self.adopt_current(current);
        if blind {
            // Another window may have ended it.
            return self.refuse_flow(store, request, ErrorCode::StoreFailed.into(), false);
        }
        let verifier = match self.verifier_for(&proof, now) {
            Ok(verifier) => verifier,
            Err(code) => return self.refuse_flow(store, request, code.into(), false),
        };
        let final_ = matches!(&proof, Pasted::Callback(callback) if callback.nonce.is_some());
        let (way, email) = self.flow().map(|flow| (flow.way, flow.email.clone())).unzip();
        let call = match (proof, way, email) {
            (Pasted::Callback(callback), ..) => match callback.outcome {
                Outcome::Code(code) => self.supabase().exchange(&code, &verifier),
                Outcome::Tokens => {
                    return self.refuse_flow(store, request, ErrorCode::CallbackUnknown.into(), false);
                }
                Outcome::Refused(error) => {
                    let error = error.at(Server::Account, self.supabase().base.origin().as_str());
                    return self.refuse_flow(store, request, error, final_);
                }
            },
            (Pasted::Code(code), ..) => self.supabase().exchange(&code, &verifier),
            (Pasted::Digits(digits), Some(way), Some(email)) => self.supabase().verify(way, &email, digits.expose()),
            (Pasted::Digits(_), ..) => {
                return self.refuse_flow(store, request, ErrorCode::CallbackUnknown.into(), false);
            }
        };
        self.call(call, Step::FlowCall { store, request, final_ });
    }

    pub(super) fn flow_answered(
        &mut self,
        store: StoreId,
        request: RequestId,
        final_: bool,
        result: Result<Response, TransportError>,
        now: Millis,
    ) {
        let outcome = self
            .success(result)
            .and_then(|response| self.supabase().parse_session(&response.body, now));
        let session = match outcome {
            Ok(session) => session,
            // A lost reply, a server in trouble: the same callback may come again.
            Err(error) => {
                let final_ = final_ && !error.retryable;
                return self.refuse_flow(store, request, error, final_);
            }
        };
        let Some(flow) = self.flow().filter(|flow| flow.is_for(&session.account)) else {
            self.revoke(&session);
            return self.refuse_flow(store, request, ErrorCode::AccountMismatch.into(), true);
        };
        let flow = Some((flow.nonce.clone(), flow.way));
        let session = Box::new(session);
        self.write(store, Write::SignIn { request, session, flow });
    }

    /// Answers with the error. It ends the flow, or changes nothing.
    fn refuse_flow(&mut self, store: StoreId, request: RequestId, error: Error, final_: bool) {
        let nonce = self.flow().filter(|_| final_).map(|flow| flow.nonce.clone());
        let write = nonce.map_or(Write::Nothing, |nonce| Write::EndFlow(nonce, Some(error.code)));
        self.reply(request, Err(error));
        self.write(store, write);
    }

    /// Answers those whose flow has ended.
    pub(super) fn settle(&mut self, now: Millis) {
        for (request, nonce) in core::mem::take(&mut self.waiting) {
            let flow = self.flow().filter(|flow| flow.nonce == nonce);
            let reply = match flow.map(|flow| (&flow.state, flow)) {
                Some((FlowState::Pending(_), flow)) if !flow.is_over(now) => {
                    self.waiting.push((request, nonce));
                    continue;
                }
                Some((FlowState::Pending(_), _)) => Err(ErrorCode::SignInExpired),
                Some((FlowState::Failed(code), _)) => Err(*code),
                Some((FlowState::Completed, flow)) => match self.account() {
                    Some(account) => Ok(Answer::Completed(account.clone(), flow.way)),
                    None => Err(ErrorCode::Cancelled),
                },
                // Another one took its place, or somebody gave it up.
                None => Err(ErrorCode::Cancelled),
            };
            self.reply(request, reply.map_err(Error::from));
        }
    }

    /// When the next look into the store is due, if somebody waits.
    pub(super) fn next_look(&self, now: Millis) -> Option<Millis> {
        (!self.waiting.is_empty()).then(|| now.plus(LOOK_MS))
    }

    /// Another window may have ended a flow that is waited for here.
    pub(super) fn look(&mut self) {
        if !self.waiting.is_empty() {
            self.jobs.push(Job::Reload);
        }
    }
}
