//! Serving what callers need: an access token, the model key, a call as the user.

use alloc::boxed::Box;

use super::refresh::ends_soon;
use super::{Call, Job, Need, Session, Step, What, Write};
use crate::auth::Millis;
use crate::device::{self, ModelAccess};
use crate::error::{Error, ErrorCode, Server};
use crate::http::{Response, TransportError};
use crate::secret::Secret;
use crate::session::{Answer, StoreError, StoreId};

/// A token that the server took for good this long ago, in milliseconds, is shown to it again before it is handed out.
const VALIDATE_AFTER_MS: u64 = 7_200_000;
/// When the server could not be asked, it is asked again after this time, in milliseconds.
const VALIDATE_AGAIN_MS: u64 = 60_000;

impl Session {
    /// The one guard before whatever needs the backend: memory, then the store, then the server when it was long not
    /// asked, then a refresh; what is left is for the user.
    pub(super) fn serve(&mut self, mut need: Box<Need>, now: Millis) {
        if let What::ModelAccess { refused_key_id } = &need.what
            && let Some(access) = self.usable_access(refused_key_id.as_deref(), now)
        {
            let access = access.clone();
            self.reply(need.request, Ok(Answer::ModelAccess(access)));
            return;
        }
        let Some(session) = self.session() else {
            if need.looked {
                self.reply(need.request, Err(ErrorCode::NotAuthenticated.into()));
            } else {
                // Another window may have signed in, and not every host tells of it.
                need.looked = true;
                self.again(need, true);
            }
            return;
        };
        let token = session.access_token.secret();
        if need.refused.as_ref() == Some(token) || ends_soon(session, now) {
            return self.renew_for(need, now);
        }
        // Any other need shows the token to the server by itself.
        if matches!(need.what, What::AccessToken)
            && self.is_old_news(now)
            && let Ok(call) = self.supabase().user(&session.access_token)
        {
            return self.call(call, Step::Validate(need));
        }
        self.serve_with_token(need);
    }

    /// Whether the server was not asked for so long that it is asked again.
    pub(super) const fn is_old_news(&self, now: Millis) -> bool {
        now.since(self.validated_at) > VALIDATE_AFTER_MS
    }

    pub(super) fn validated(&mut self, need: Box<Need>, result: Result<Response, TransportError>, now: Millis) {
        match result.map(|response| response.status) {
            Ok(401 | 403) => self.refused_token(need),
            Ok(200..=299) => {
                self.validated_at = now;
                self.serve_with_token(need);
            }
            // A server in trouble knows nothing against the session.
            _ => {
                let ago = VALIDATE_AFTER_MS.saturating_sub(VALIDATE_AGAIN_MS);
                self.validated_at = Millis(now.0.saturating_sub(ago));
                self.serve_with_token(need);
            }
        }
    }

    /// Serves a need before any other job, if need be with another look into the store.
    fn again(&mut self, need: Box<Need>, look: bool) {
        self.jobs.insert(0, Job::Serve(need));
        if look {
            self.jobs.insert(0, Job::Reload);
        }
    }

    /// The server refused the access token in memory: the need is served with another one.
    fn refused_token(&mut self, mut need: Box<Need>) {
        need.refused = self.session().map(|session| session.access_token.secret().clone());
        self.again(need, false);
    }

    /// Serves a need with the access token in memory, which the caller found good enough.
    pub(super) fn serve_with_token(&mut self, need: Box<Need>) {
        let Some(session) = self.session() else {
            self.reply(need.request, Err(ErrorCode::NotAuthenticated.into()));
            return;
        };
        let credential = session.access_token.clone();
        let token = credential.secret().clone();
        let call = match &need.what {
            What::AccessToken => {
                self.reply(need.request, Ok(Answer::AccessToken(token)));
                return;
            }
            What::ModelAccess { .. } => return self.begin_update(Step::AccessLock(need)),
            What::SetPassword(password) => self.supabase().set_password(password, &credential),
            What::Rpc { function, body } => self
                .supabase()
                .authorized(&["/rest/v1/rpc/", function].concat(), &credential)
                .map(|call| call.json(body.clone())),
        };
        match call {
            Ok(call) => {
                let http = self.send(call);
                self.calls.push((http, Call::Need { need, token }));
            }
            Err(error) => self.reply(need.request, Err(error)),
        }
    }

    /// The model key in memory, if this user can use it at the endpoint that is set, and it was not refused.
    pub(super) fn usable_access(&self, refused_key_id: Option<&str>, now: Millis) -> Option<&ModelAccess> {
        let record = self.record.as_ref()?;
        let access = record.model_access.as_ref()?;
        // A session that the server ended leaves its user's key behind, and chat goes on.
        let user = record
            .session
            .as_ref()
            .map_or(&access.user_id, |session| &session.account.user_id);
        let usable = access.usable(user, now)
            && access.endpoint == self.config.litellm
            && refused_key_id != Some(access.key_id.as_str());
        usable.then_some(access)
    }

    /// This device's key is ours alone to ask for: adopt the one that a sibling has got, or ask the server. Each asking
    /// makes the server replace the key, so that windows which asked side by side would take it from each other.
    pub(super) fn access_locked(
        &mut self,
        store: StoreId,
        need: Box<Need>,
        current: Result<Option<Secret>, StoreError>,
        now: Millis,
    ) {
        self.adopt_current(current);
        let refused = match &need.what {
            What::ModelAccess { refused_key_id } => refused_key_id.as_deref(),
            _ => None,
        };
        if let Some(access) = self.usable_access(refused, now) {
            let access = access.clone();
            return self.end_access(store, &need, Ok(access));
        }
        let call = self
            .session()
            .ok_or_else(|| ErrorCode::NotAuthenticated.into())
            .and_then(|session| device::request(self.supabase(), &self.config.device, &session.access_token));
        match call {
            Ok(call) => self.call(call, Step::Provision { store, need }),
            Err(error) => self.end_access(store, &need, Err(error)),
        }
    }

    fn end_access(&mut self, store: StoreId, need: &Need, answer: Result<ModelAccess, Error>) {
        self.reply(need.request, answer.map(Answer::ModelAccess));
        self.end_update(store, None, Write::Nothing);
    }

    pub(super) fn provisioned(
        &mut self,
        store: StoreId,
        mut need: Box<Need>,
        result: Result<Response, TransportError>,
    ) {
        let origin = self.config.supabase.base.origin().as_str();
        let outcome = match result {
            Err(error) => Err(Error::from(error).at(Server::Account, origin)),
            // Somebody with this device's id asked at the same moment, and their key is the one that holds.
            Ok(response) if response.status == 409 && !need.conflicted => {
                need.conflicted = true;
                self.again(need, true);
                return self.end_update(store, None, Write::Nothing);
            }
            Ok(response) if response.status == 401 && need.refused.is_none() => {
                self.refused_token(need);
                return self.end_update(store, None, Write::Nothing);
            }
            Ok(response) if !response.is_success() => Err(device::parse_error(&response).at(Server::Account, origin)),
            Ok(response) => match self.session() {
                Some(session) => device::parse(&response.body, &session.account.user_id, &self.config.litellm)
                    .map_err(|error| error.at(Server::Account, origin)),
                None => Err(ErrorCode::NotAuthenticated.into()),
            },
        };
        match outcome {
            Ok(access) => {
                let (request, access) = (need.request, Box::new(access));
                self.write(store, Write::Access { request, access });
            }
            Err(error) => self.end_access(store, &need, Err(error)),
        }
    }

    pub(super) fn need_answered(
        &mut self,
        mut need: Box<Need>,
        token: Secret,
        result: Result<Response, TransportError>,
        now: Millis,
    ) {
        let auth = matches!(need.what, What::SetPassword(_));
        let answer = match result {
            Err(error) => Err(Error::from(error)),
            Ok(response) if response.is_success() => {
                self.validated_at = self.validated_at.max(now);
                Ok(if auth {
                    Answer::Done
                } else {
                    Answer::Json(response.body.expose().into())
                })
            }
            Ok(response) => Err(if auth {
                self.supabase().parse_error(&response)
            } else {
                device::parse_error(&response)
            }),
        };
        let rejected = |error: &Error| {
            error.status == Some(401) || matches!(error.code, ErrorCode::NotAuthenticated | ErrorCode::SessionExpired)
        };
        let answer = match answer {
            Err(error) if need.refused.is_none() && rejected(&error) => {
                need.refused = Some(token);
                self.jobs.push(Job::Serve(need));
                return;
            }
            answer => answer.map_err(|error| error.at(Server::Account, self.supabase().base.origin().as_str())),
        };
        self.reply(need.request, answer);
    }
}
