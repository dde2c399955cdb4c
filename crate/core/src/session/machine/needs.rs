//! Serving what callers need: an access token, the model key, a call as the user.

use alloc::boxed::Box;
use alloc::format;

use super::refresh::ends_soon;
use super::{Call, Job, Need, Session, Step, What, Write};
use crate::auth::Millis;
use crate::device::{self, ModelAccess};
use crate::error::{Error, ErrorCode, Server};
use crate::http::{Response, TransportError};
use crate::secret::Secret;
use crate::session::{Answer, HttpId, Output};

impl Session {
    /// Serves a need from memory, or begins what it takes.
    pub(super) fn serve(&mut self, need: Need, now: Millis) {
        if let What::ModelAccess { refused_key_id } = &need.what
            && let Some(access) = self.usable_access(refused_key_id.as_deref(), now)
        {
            let access = access.clone();
            self.reply(need.request, Ok(Answer::ModelAccess(access)));
            return;
        }
        let Some(session) = self.session() else {
            self.reply(need.request, Err(ErrorCode::NotAuthenticated.into()));
            return;
        };
        let token = session.access_token.secret();
        if need.refused.as_ref() == Some(token) || ends_soon(session, now) {
            self.begin_refresh(Some(need));
            return;
        }
        self.serve_with_token(need);
    }

    /// Serves a need with the access token in memory, which the caller found good enough.
    pub(super) fn serve_with_token(&mut self, need: Need) {
        let Some(session) = self.session() else {
            self.reply(need.request, Err(ErrorCode::NotAuthenticated.into()));
            return;
        };
        let credential = session.access_token.clone();
        match &need.what {
            What::AccessToken => self.reply(need.request, Ok(Answer::AccessToken(credential.secret().clone()))),
            What::ModelAccess { .. } => {
                match device::request(&self.config.supabase, &self.config.device, &credential) {
                    Ok(call) => {
                        let http = HttpId(self.id());
                        self.outputs.push_back(Output::SendHttp(http, call));
                        self.step = Some(Step::Provision { http, need });
                    }
                    Err(error) => self.reply(need.request, Err(error)),
                }
            }
            What::Rpc { function, body } => {
                let path = format!("/rest/v1/rpc/{function}");
                match self.config.supabase.authorized(&path, &credential) {
                    Ok(call) => {
                        let call = call.json(body.clone());
                        let http = HttpId(self.id());
                        self.outputs.push_back(Output::SendHttp(http, call));
                        self.calls.push((
                            http,
                            Call::Rpc {
                                need,
                                token: credential.secret().clone(),
                            },
                        ));
                    }
                    Err(error) => self.reply(need.request, Err(error)),
                }
            }
        }
    }

    /// The model key in memory, if this user can use it at the endpoint that is set, and it was not refused.
    pub(super) fn usable_access(&self, refused_key_id: Option<&str>, now: Millis) -> Option<&ModelAccess> {
        let record = self.record.as_ref()?;
        let access = record.model_access.as_ref()?;
        let user = &record.session.as_ref()?.account.user_id;
        let usable = access.usable(user, now)
            && access.endpoint.origin() == self.config.litellm.origin()
            && refused_key_id != Some(access.key_id.as_str());
        usable.then_some(access)
    }

    pub(super) fn provisioned(&mut self, need: Need, result: Result<Response, TransportError>) {
        let origin = self.config.supabase.base.origin().as_str();
        let outcome = match result {
            Err(error) => Err(Error::from(error).at(Server::Account, origin)),
            // Another window of this device asked at the same moment, and its key is the one that holds.
            Ok(response) if response.status == 409 && !need.conflicted => {
                self.jobs.push_front(Job::Serve(Need {
                    conflicted: true,
                    ..need
                }));
                self.jobs.push_front(Job::Reload);
                return;
            }
            Ok(response) if response.status == 401 && need.refused.is_none() => {
                let refused = self.session().map(|session| session.access_token.secret().clone());
                self.jobs.push_front(Job::Serve(Need { refused, ..need }));
                return;
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
                self.begin_write(Write::Access {
                    request: need.request,
                    access: Box::new(access),
                });
            }
            Err(error) => self.reply(need.request, Err(error)),
        }
    }

    pub(super) fn rpc_answered(&mut self, need: Need, token: Secret, result: Result<Response, TransportError>) {
        let origin = self.config.supabase.base.origin().as_str();
        let answer = match result {
            Err(error) => Err(Error::from(error).at(Server::Account, origin)),
            Ok(response) if response.is_success() => Ok(Answer::Json(response.body.expose().into())),
            Ok(response) if response.status == 401 && need.refused.is_none() => {
                self.jobs.push_back(Job::Serve(Need {
                    refused: Some(token),
                    ..need
                }));
                return;
            }
            Ok(response) => Err(device::parse_error(&response).at(Server::Account, origin)),
        };
        self.reply(need.request, answer);
    }
}
