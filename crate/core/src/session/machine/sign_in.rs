//! Beginning to sign in: what is done at once, and what begins a flow.

use alloc::boxed::Box;
use alloc::string::String;

use super::{Session, Step, Write};
use crate::auth::{Link, Millis, SignUp};
use crate::error::{Error, ErrorCode};
use crate::http::{Request, Response, TransportError};
use crate::oauth::{Flow, FlowState, Way, challenge, is_verifier, with_nonce};
use crate::session::{RequestId, Start};

impl Session {
    pub(super) fn authenticate(&mut self, request: RequestId, start: Box<Start>, now: Millis) {
        match self.first_call(&start) {
            Ok(Begun::Browser(url)) => self.begin_flow(request, &start, Some(url), now),
            Ok(Begun::Call(call)) => self.call(call, Step::Authenticate { request, start }),
            Err(error) => self.reply(request, Err(error)),
        }
    }

    fn first_call(&self, start: &Start) -> Result<Begun, Error> {
        let supabase = self.supabase();
        let email = start.email.as_str();
        if !is_verifier(&start.verifier) || start.nonce.is_empty() {
            return Err(ErrorCode::Internal.into());
        }
        let lacks_password = matches!(start.way, Way::Password | Way::CreateAccount) && start.password.is_empty();
        if lacks_password || (!start.way.in_browser() && email.trim_ascii().is_empty()) {
            return Err(ErrorCode::ValidationFailed.into());
        }
        let redirect_to = match start.redirect_to.as_deref() {
            Some(address) => Some(with_nonce(address, &start.nonce).ok_or(ErrorCode::ValidationFailed)?),
            None if start.way.in_browser() => return Err(ErrorCode::ValidationFailed.into()),
            None => None,
        };
        let challenge = challenge(&start.verifier);
        let link = Link {
            redirect_to: redirect_to.as_deref(),
            challenge: &challenge,
        };
        Ok(Begun::Call(match start.way {
            Way::Github | Way::Google => {
                let redirect_to = redirect_to.as_deref().unwrap_or_default();
                return Ok(Begun::Browser(supabase.authorize_url(
                    start.way.as_str(),
                    redirect_to,
                    &challenge,
                )));
            }
            Way::EmailCode => supabase.send_code(email, start.create_user, link),
            Way::Password => supabase.sign_in(email, &start.password),
            Way::CreateAccount => supabase.sign_up(email, &start.password, link),
            Way::ResetPassword => supabase.recover(email, link),
        }))
    }

    pub(super) fn authenticated(
        &mut self,
        request: RequestId,
        start: &Start,
        result: Result<Response, TransportError>,
        now: Millis,
    ) {
        let outcome = self.success(result).and_then(|response| {
            let supabase = self.supabase();
            match start.way {
                Way::Password => supabase.parse_session(&response.body, now).map(SignUp::Session),
                Way::CreateAccount => supabase.parse_sign_up(&response.body, now),
                // The answer says nothing, so that nobody learns which addresses have an account.
                _ => Ok(SignUp::ConfirmEmail),
            }
        });
        match outcome {
            Ok(SignUp::Session(session)) => self.begin_write(Write::SignIn {
                request,
                session: Box::new(session),
                flow: None,
            }),
            Ok(SignUp::ConfirmEmail) => self.begin_flow(request, start, None, now),
            Err(error) => self.reply(request, Err(error)),
        }
    }

    /// Stores the flow, in place of an earlier one. What the user answers with may reach any window.
    fn begin_flow(&mut self, request: RequestId, start: &Start, url: Option<String>, now: Millis) {
        let flow = Box::new(Flow {
            nonce: start.nonce.clone(),
            way: start.way,
            state: FlowState::Pending(start.verifier.clone()),
            began_at: now,
            email: start.email.trim_ascii().into(),
            user_id: start.user_id.clone(),
        });
        self.begin_write(Write::Flow { request, flow, url });
    }
}

/// How a way begins.
enum Begun {
    Browser(String),
    Call(Request),
}
