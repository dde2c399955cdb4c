//! The machine against a small server and a small store, in virtual time.

mod fence;
mod flows;
mod guard;

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::*;
use crate::auth::tests::{session_body, supabase};
use crate::device::Device;
use crate::http::{BaseUrl, Request};
use crate::network::NetworkCause;
use crate::session::{Change, Start, StoreError};

const HOUR: u64 = 3_600_000;

/// Carries out what the machine asks for. `server` answers a request; `None` leaves it unanswered.
struct World {
    machine: Session,
    now: Millis,
    stored: Option<Secret>,
    store_works: bool,
    /// So many writes fail, as on a full disk.
    writes_fail: u32,
    /// What another window does before the next write of this one, whose lock it took over.
    taken_over: Option<Change>,
    sent: Vec<String>,
    cancelled: usize,
    events: Vec<Event>,
    replies: Vec<Result<Answer, Error>>,
    wake: Option<Millis>,
    requests: u32,
}

/// Begins to sign in, as a caller would.
fn start(way: Way, email: &str, password: &str) -> Ask {
    Ask::Start(Box::new(Start {
        way,
        email: email.to_owned(),
        password: Secret::from(password),
        redirect_to: Some("vscode://godoty.godoty/auth/callback".to_owned()),
        create_user: false,
        user_id: String::new(),
        nonce: "n1".to_owned(),
        verifier: Secret::new("v".repeat(43)),
    }))
}

type Server<'a> = &'a mut dyn FnMut(&Request) -> Option<Result<Response, TransportError>>;

impl World {
    fn new(stored: Option<Secret>) -> Self {
        Self {
            machine: Session::new(Config {
                supabase: supabase(),
                litellm: BaseUrl::parse("https://models.example.org").unwrap(),
                device: Device {
                    id: "d".into(),
                    name: "n".into(),
                },
            }),
            now: Millis(1_000_000),
            stored,
            store_works: true,
            writes_fail: 0,
            taken_over: None,
            sent: Vec::new(),
            cancelled: 0,
            events: Vec::new(),
            replies: Vec::new(),
            wake: None,
            requests: 0,
        }
    }

    fn ask(&mut self, ask: Ask, server: Server) -> Vec<Result<Answer, Error>> {
        self.requests += 1;
        self.input(Input::Ask(RequestId(self.requests), ask), server)
    }

    fn input(&mut self, input: Input, server: Server) -> Vec<Result<Answer, Error>> {
        self.machine.handle(input, self.now);
        while let Some(output) = self.machine.poll() {
            let answer = match output {
                Output::SendHttp(id, request) => {
                    self.sent.push(request.url().to_owned());
                    let Some(result) = server(&request) else { continue };
                    Input::Http(id, result)
                }
                Output::CancelHttp(_) => {
                    self.cancelled += 1;
                    continue;
                }
                Output::Load(id) => Input::Loaded(id, self.store_works.then(|| self.stored.clone()).ok_or(StoreError)),
                Output::BeginUpdate(id) => {
                    Input::UpdateBegan(id, self.store_works.then(|| self.stored.clone()).ok_or(StoreError))
                }
                Output::EndUpdate(id, change) => Input::UpdateEnded(id, self.end_update(change)),
                Output::WakeAt(at) => {
                    self.wake = Some(at);
                    continue;
                }
                Output::Emit(event) => {
                    self.events.push(event);
                    continue;
                }
                Output::Reply(_, reply) => {
                    self.replies.push(reply);
                    continue;
                }
            };
            self.machine.handle(answer, self.now);
        }
        core::mem::take(&mut self.replies)
    }

    fn end_update(&mut self, change: Change) -> Result<(), StoreError> {
        if change != Change::Keep
            && let Some(theirs) = self.taken_over.take()
        {
            self.change(theirs);
            return Err(StoreError);
        }
        if change != Change::Keep && self.writes_fail > 0 {
            self.writes_fail -= 1;
            return Err(StoreError);
        }
        if !self.store_works {
            return Err(StoreError);
        }
        self.change(change);
        Ok(())
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::Keep => {}
            Change::Replace(text) => self.stored = Some(text),
            Change::Erase => self.stored = None,
        }
    }

    fn events(&mut self) -> Vec<Event> {
        core::mem::take(&mut self.events)
    }

    fn signed_in() -> Self {
        let mut world = Self::new(None);
        let ask = start(Way::Password, "u@example.org", "p");
        let replies = world.ask(ask, &mut |_| ok(&session_body("s1", "u1", "t1", "r1", 3600)));
        assert!(matches!(replies[..], [Ok(Answer::SignedIn(_))]), "{replies:?}");
        world.events();
        world.sent.clear();
        world
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "a server's answer is an Option of a Result everywhere in this file"
)]
fn ok(body: &str) -> Option<Result<Response, TransportError>> {
    Some(Ok(Response::new(200, body.to_owned())))
}

#[expect(clippy::unnecessary_wraps, reason = "as above")]
fn refuse(status: u16, code: &str) -> Option<Result<Response, TransportError>> {
    Some(Ok(Response::new(
        status,
        format!("{{\"code\":\"{code}\",\"message\":\"m\"}}"),
    )))
}

fn config(key: &str) -> String {
    format!(
        r#"{{"model_access":{{"endpoint":"https://models.example.org","key":"{key}","key_id":"id-{key}","expires_at":null}}}}"#
    )
}

fn silent(_: &Request) -> Option<Result<Response, TransportError>> {
    panic!("no call was expected")
}

fn code(replies: &[Result<Answer, Error>]) -> Vec<&'static str> {
    replies
        .iter()
        .map(|reply| reply.as_ref().map_or_else(|error| error.code.as_str(), |_| "ok"))
        .collect()
}

#[test]
fn signing_in_stores_the_session_and_plans_its_renewal() {
    let mut world = World::new(None);
    let ask = start(Way::Password, " u@example.org ", "p");
    let replies = world.ask(ask, &mut |request| {
        assert!(request.body().unwrap().expose().contains("\"u@example.org\""));
        ok(&session_body("s1", "u1", "t1", "r1", 3600))
    });
    assert_eq!(code(&replies), ["ok"]);
    assert!(matches!(&world.events()[..], [Event::SignedIn(account)] if account.session_id == "s1"));
    assert_eq!(world.wake, Some(world.now.plus(HOUR / 5 * 4)));
    // Another window reads it back without a call.
    let mut other = World::new(world.stored.clone());
    let replies = other.ask(Ask::Restore, &mut silent);
    assert!(matches!(&replies[..], [Ok(Answer::Account(Some(account)))] if account.email == "u1@example.org"));
}

#[test]
fn a_sign_up_may_have_to_be_confirmed_first() {
    let mut world = World::new(None);
    let ask = start(Way::CreateAccount, "u@example.org", "p");
    let replies = world.ask(ask, &mut |_| ok(r#"{"id":"u1","email":"u@example.org"}"#));
    assert!(
        matches!(&replies[..], [Ok(Answer::Pending { url: None, .. })]),
        "{replies:?}"
    );
    assert_eq!((world.machine.account(), world.events.len()), (None, 0));
}

#[test]
fn a_wrong_password_changes_nothing() {
    let mut world = World::new(None);
    let ask = start(Way::Password, "u@example.org", "p");
    let replies = world.ask(ask, &mut |_| refuse(400, "invalid_credentials"));
    assert_eq!(code(&replies), ["INVALID_CREDENTIALS"]);
    assert_eq!((world.stored, world.events.len()), (None, 0));
}

#[test]
fn an_empty_field_is_refused_without_a_call() {
    let mut world = World::new(None);
    let replies = world.ask(start(Way::Password, "  ", "p"), &mut silent);
    assert_eq!(code(&replies), ["VALIDATION_FAILED"]);
}

#[test]
fn a_damaged_store_means_signed_out_and_says_so() {
    let mut world = World::new(Some(Secret::from("{\"version\":")));
    let replies = world.ask(Ask::Restore, &mut silent);
    assert_eq!(replies, [Ok(Answer::Account(None))]);
    assert_eq!(world.events(), [Event::StoredSessionUnreadable]);
}

#[test]
fn a_store_that_fails_keeps_the_session_for_this_window_and_says_so() {
    let mut world = World::new(None);
    world.store_works = false;
    let ask = start(Way::Password, "u@example.org", "p");
    let replies = world.ask(ask, &mut |_| ok(&session_body("s1", "u1", "t1", "r1", 3600)));
    assert_eq!(code(&replies), ["ok"]);
    assert!(world.events().contains(&Event::StoreFailed));
    assert_eq!(code(&world.ask(Ask::AccessToken, &mut silent)), ["ok"]);
}

#[test]
fn a_token_that_lives_is_handed_out_without_a_call() {
    let mut world = World::signed_in();
    assert_eq!(code(&world.ask(Ask::AccessToken, &mut silent)), ["ok"]);
}

#[test]
fn needs_that_come_together_share_one_refresh() {
    let mut world = World::signed_in();
    world.now = world.now.plus(HOUR);
    // The refresh stays unanswered while two more needs arrive.
    let mut open = None;
    for _ in 0..3 {
        world.requests += 1;
        world
            .machine
            .handle(Input::Ask(RequestId(world.requests), Ask::AccessToken), world.now);
        while let Some(output) = world.machine.poll() {
            match output {
                Output::BeginUpdate(id) => {
                    world
                        .machine
                        .handle(Input::UpdateBegan(id, Ok(world.stored.clone())), world.now);
                }
                Output::SendHttp(id, _) => assert!(open.replace(id).is_none(), "a second refresh"),
                other => panic!("{other:?}"),
            }
        }
    }
    let answer = Response::new(200, session_body("s1", "u1", "t2", "r2", 3600));
    let replies = world.input(Input::Http(open.unwrap(), Ok(answer)), &mut silent);
    assert_eq!(code(&replies), ["ok", "ok", "ok"]);
    assert!(matches!(world.events()[..], [Event::Refreshed(_)]));
}

#[test]
fn the_token_is_renewed_before_it_ends() {
    let mut world = World::signed_in();
    assert!(world.input(Input::Wake, &mut silent).is_empty());
    world.now = world.now.plus(HOUR / 5 * 4);
    world.input(Input::Wake, &mut |request| {
        assert!(request.body().unwrap().expose().contains("r1"));
        ok(&session_body("s1", "u1", "t2", "r2", 3600))
    });
    assert!(matches!(world.events()[..], [Event::Refreshed(_)]));
    assert!(world.stored.unwrap().expose().contains("r2"));
}

#[test]
fn a_siblings_newer_token_is_adopted_instead_of_a_refresh() {
    let mut world = World::signed_in();
    world.now = world.now.plus(HOUR);
    let body = Secret::new(session_body("s1", "u1", "t2", "r2", 3600));
    let session = supabase().parse_session(&body, world.now).unwrap();
    world.stored = Some(
        Record {
            session: Some(session),
            ..Record::default()
        }
        .to_text(&supabase().base),
    );
    assert_eq!(code(&world.ask(Ask::AccessToken, &mut silent)), ["ok"]);
    assert!(matches!(world.events()[..], [Event::Refreshed(_)]));
}

#[test]
fn trouble_on_the_way_keeps_the_session() {
    for trouble in [
        Some(Err(TransportError::Network(NetworkCause::Other))),
        refuse(503, "x"),
        refuse(429, "over_request_rate_limit"),
    ] {
        let mut world = World::signed_in();
        world.now = world.now.plus(2 * HOUR);
        let replies = world.ask(Ask::AccessToken, &mut |_| trouble.clone());
        assert_ne!(code(&replies), ["ok"]);
        assert!(world.events().is_empty());
        world.now = world.now.plus(60_000);
        let replies = world.ask(Ask::AccessToken, &mut |_| {
            ok(&session_body("s1", "u1", "t2", "r2", 3600))
        });
        assert_eq!(code(&replies), ["ok"], "after {trouble:?}");
    }
}

#[test]
fn a_failed_renewal_serves_from_a_token_that_still_lives() {
    let mut world = World::signed_in();
    world.now = world.now.plus(HOUR - 10_000);
    let replies = world.ask(Ask::AccessToken, &mut |_| refuse(400, "refresh_token_already_used"));
    assert_eq!(code(&replies), ["ok"]);
    assert!(world.events().is_empty(), "the session still lives");
}

#[test]
fn a_session_that_the_server_ended_is_over_but_the_device_key_stays() {
    let mut world = World::signed_in();
    assert_eq!(code(&world.ask(Ask::ModelAccess, &mut |_| ok(&config("sk-1")))), ["ok"]);
    world.now = world.now.plus(HOUR);
    let replies = world.ask(Ask::AccessToken, &mut |_| refuse(400, "session_not_found"));
    assert_eq!(code(&replies), ["SESSION_EXPIRED"]);
    assert!(matches!(
        world.events()[..],
        [Event::SignedOut(_, SignedOutReason::Expired)]
    ));
    let ask = start(Way::Password, "u@example.org", "p");
    world.ask(ask, &mut |_| ok(&session_body("s2", "u1", "t3", "r3", 3600)));
    assert_eq!(
        code(&world.ask(Ask::ModelAccess, &mut silent)),
        ["ok"],
        "the key is reused"
    );
}

#[test]
fn another_user_does_not_inherit_the_device_key() {
    let mut world = World::signed_in();
    world.ask(Ask::ModelAccess, &mut |_| ok(&config("sk-1")));
    let ask = start(Way::Password, "v@example.org", "p");
    world.ask(ask, &mut |request| {
        request
            .url()
            .contains("token")
            .then(|| Ok(Response::new(200, session_body("s2", "u2", "t3", "r3", 3600))))
    });
    assert!(matches!(
        &world.events()[..],
        [Event::SignedOut(old, SignedOutReason::User), Event::SignedIn(new)]
            if old.user_id == "u1" && new.user_id == "u2"
    ));
    // Nor would one whose session then ends.
    assert!(!world.stored.as_ref().unwrap().expose().contains("sk-1"));
    let mut asked = 0;
    world.ask(Ask::ModelAccess, &mut |_| {
        asked += 1;
        ok(&config("sk-2"))
    });
    assert_eq!(asked, 1);
}

#[test]
fn a_refused_model_key_is_replaced_and_any_other_is_kept() {
    let mut world = World::signed_in();
    world.ask(Ask::ModelAccess, &mut |_| ok(&config("sk-1")));
    let refused = |key: &str| Ask::ReplaceModelKey {
        key_id: format!("id-{key}"),
    };
    let replies = world.ask(refused("sk-1"), &mut |_| ok(&config("sk-2")));
    assert!(matches!(&replies[..], [Ok(Answer::ModelAccess(access))] if access.key_id == "id-sk-2"));
    assert_eq!(
        code(&world.ask(refused("sk-1"), &mut silent)),
        ["ok"],
        "it was replaced already"
    );
}

/// What a sibling stored that has got a key of this name.
fn stored_with_key(key: &str) -> Option<Secret> {
    let mut sibling = World::signed_in();
    sibling.ask(Ask::ModelAccess, &mut |_| ok(&config(key)));
    sibling.stored
}

#[test]
fn windows_ask_for_a_key_one_after_another_and_share_the_first_ones() {
    let mut world = World::signed_in();
    world.stored = stored_with_key("sk-sibling");
    let replies = world.ask(Ask::ModelAccess, &mut silent);
    assert!(matches!(&replies[..], [Ok(Answer::ModelAccess(access))] if access.key_id == "id-sk-sibling"));
    // The same when the key that is to be replaced has been replaced.
    world.stored = stored_with_key("sk-newer");
    let key_id = "id-sk-sibling".to_owned();
    let replies = world.ask(Ask::ReplaceModelKey { key_id }, &mut silent);
    assert!(matches!(&replies[..], [Ok(Answer::ModelAccess(access))] if access.key_id == "id-sk-newer"));
}

#[test]
fn a_key_that_was_superseded_is_looked_for_once_more() {
    let mut world = World::signed_in();
    // Somebody without a part in the lock stores theirs meanwhile.
    assert!(world.ask(Ask::ModelAccess, &mut |_| None).is_empty());
    let call = HttpId(world.machine.step.as_ref().unwrap().0);
    world.stored = stored_with_key("sk-sibling");
    let superseded = refuse(409, "device_key_superseded").unwrap();
    let replies = world.input(Input::Http(call, superseded), &mut silent);
    assert!(matches!(&replies[..], [Ok(Answer::ModelAccess(access))] if access.key_id == "id-sk-sibling"));
    // Where the store has no key of a sibling, the second conflict stands.
    let mut alone = World::signed_in();
    let replies = alone.ask(Ask::ModelAccess, &mut |_| refuse(409, "device_key_superseded"));
    assert_eq!(
        (code(&replies).as_slice(), alone.sent.len()),
        (&["VALIDATION_FAILED"][..], 2)
    );
}

#[test]
fn a_key_for_another_endpoint_never_gets_in() {
    let mut world = World::signed_in();
    let evil = config("sk-1").replace("models.example.org", "evil.example.org");
    assert_eq!(
        code(&world.ask(Ask::ModelAccess, &mut |_| ok(&evil))),
        ["ORIGIN_MISMATCH"]
    );
    assert!(!world.stored.unwrap().expose().contains("sk-1"));
}

#[test]
fn a_key_is_used_at_the_address_that_is_set() {
    let mut before = World::signed_in();
    before.ask(Ask::ModelAccess, &mut |_| ok(&config("sk-1")));
    // The setting named another path of the same server then.
    let stored = before
        .stored
        .unwrap()
        .expose()
        .replace("example.org\",\"key", "example.org/old\",\"key");
    let mut world = World::new(Some(Secret::new(stored)));
    let replies = world.ask(Ask::ModelAccess, &mut |_| ok(&config("sk-2")));
    let address = BaseUrl::parse("https://models.example.org").unwrap();
    assert!(
        matches!(&replies[..], [Ok(Answer::ModelAccess(access))] if access.endpoint == address),
        "{replies:?}"
    );
}

#[test]
fn a_refused_token_is_renewed_once() {
    let mut world = World::signed_in();
    let rpc = || Ask::Rpc {
        function: "profile",
        body: "{}".into(),
    };
    let mut server = |request: &Request| {
        if request.url().contains("/token") {
            return ok(&session_body("s1", "u1", "t2", "r2", 3600));
        }
        let (_, authorization) = request.headers().find(|(name, _)| *name == "authorization").unwrap();
        let old = session_body("s1", "u1", "t1", "r1", 1);
        let stale = old.contains(authorization.expose().trim_start_matches("Bearer "));
        if stale { refuse(401, "PGRST303") } else { ok("{}") }
    };
    assert_eq!(world.ask(rpc(), &mut server), [Ok(Answer::Json("{}".into()))]);
    world.sent.clear();
    let replies = world.ask(rpc(), &mut |request| {
        if request.url().contains("/token") {
            ok(&session_body("s1", "u1", "t3", "r3", 3600))
        } else {
            refuse(401, "PGRST301")
        }
    });
    assert_eq!(code(&replies), ["NOT_AUTHENTICATED"]);
    assert_eq!(world.sent.len(), 3, "call, refresh, call: {:?}", world.sent);
}

#[test]
fn signed_out_means_nothing_is_left() {
    let mut world = World::signed_in();
    world.ask(Ask::ModelAccess, &mut |_| ok(&config("sk-1")));
    let replies = world.ask(Ask::SignOut, &mut |_| {
        Some(Err(TransportError::Network(NetworkCause::Other)))
    });
    assert_eq!(replies, [Ok(Answer::Done)]);
    assert!(matches!(
        world.events()[..],
        [Event::SignedOut(_, SignedOutReason::User)]
    ));
    assert_eq!(world.stored, None);
    assert_eq!(world.machine.record, Some(Record::default()));
    assert!(
        world
            .sent
            .iter()
            .any(|url| url.ends_with("/auth/v1/logout?scope=local"))
    );
    assert_eq!(code(&world.ask(Ask::AccessToken, &mut silent)), ["NOT_AUTHENTICATED"]);
    assert_eq!(code(&world.ask(Ask::ModelAccess, &mut silent)), ["NOT_AUTHENTICATED"]);
}

#[test]
fn a_sign_out_that_cannot_erase_the_store_is_not_called_done() {
    let mut world = World::signed_in();
    world.store_works = false;
    let replies = world.ask(Ask::SignOut, &mut |_| Some(Ok(Response::new(204, String::new()))));
    assert_eq!(code(&replies), ["STORE_FAILED"]);
}

#[test]
fn a_sign_out_elsewhere_reaches_this_window() {
    let mut world = World::signed_in();
    world.stored = None;
    world.input(Input::StoreChanged, &mut silent);
    assert!(matches!(
        world.events()[..],
        [Event::SignedOut(_, SignedOutReason::Elsewhere)]
    ));
    assert_eq!(code(&world.ask(Ask::AccessToken, &mut silent)), ["NOT_AUTHENTICATED"]);
}

#[test]
fn a_sign_in_under_way_can_be_cancelled_and_its_late_answer_is_ignored() {
    let mut world = World::new(None);
    let ask = start(Way::Password, "u@example.org", "p");
    let mut sent = false;
    world.ask(ask, &mut |_| {
        sent = true;
        None
    });
    assert!(sent);
    let replies = world.input(Input::Cancel(RequestId(world.requests)), &mut silent);
    assert_eq!((code(&replies).as_slice(), world.cancelled), (&["CANCELLED"][..], 1));
    for late in 0..10 {
        let body = session_body("s1", "u1", "t1", "r1", 3600);
        let replies = world.input(Input::Http(HttpId(late), Ok(Response::new(200, body))), &mut silent);
        assert!(replies.is_empty());
    }
    assert_eq!(world.stored, None);
}

#[test]
fn a_sign_in_that_is_cancelled_while_the_store_is_read_is_not_begun() {
    let mut world = World::new(None);
    let ask = start(Way::Password, "u@example.org", "p");
    world.machine.handle(Input::Ask(RequestId(1), ask), world.now);
    let Some(Output::Load(load)) = world.machine.poll() else {
        panic!("the store comes first")
    };
    let replies = world.input(Input::Cancel(RequestId(1)), &mut silent);
    assert_eq!(code(&replies), ["CANCELLED"]);
    assert!(world.input(Input::Loaded(load, Ok(None)), &mut silent).is_empty());
    assert_eq!(world.ask(Ask::Restore, &mut silent), [Ok(Answer::Account(None))]);
}

#[test]
fn who_waits_for_a_key_may_leave_and_the_key_is_kept_all_the_same() {
    let mut world = World::signed_in();
    world.ask(Ask::ModelAccess, &mut |_| None);
    let first = RequestId(world.requests);
    assert_eq!(code(&world.input(Input::Cancel(first), &mut silent)), ["CANCELLED"]);
    assert_eq!(world.cancelled, 0);
    // Leaving twice is leaving once, and the answer that comes in the end is nobody's.
    assert!(world.input(Input::Cancel(first), &mut silent).is_empty());
    let asked = (0..20).find_map(|id| {
        let replies = world.input(Input::Http(HttpId(id), ok(&config("sk-1")).unwrap()), &mut silent);
        assert!(replies.is_empty(), "{replies:?}");
        world
            .machine
            .usable_access(None, world.now)
            .map(|access| access.key_id.clone())
    });
    assert!(asked.is_some());
    let kept = world.stored.as_ref().map(|text| text.expose().to_owned());
    assert!(kept.is_some_and(|text| text.contains("sk-1")));
}

#[test]
fn who_waits_for_a_renewal_may_leave_and_others_get_the_token() {
    let mut world = World::signed_in();
    world.now = Millis(world.now.0 + 3_600_000);
    world.ask(Ask::AccessToken, &mut |_| None);
    let first = RequestId(world.requests);
    world.ask(Ask::AccessToken, &mut |_| None);
    assert_eq!(code(&world.input(Input::Cancel(first), &mut silent)), ["CANCELLED"]);
    let body = session_body("s1", "u1", "t2", "r2", 3600);
    let replies: Vec<_> = (0..20)
        .flat_map(|id| {
            world.input(
                Input::Http(HttpId(id), Ok(Response::new(200, body.clone()))),
                &mut silent,
            )
        })
        .collect();
    assert!(matches!(&replies[..], [Ok(Answer::AccessToken(_))]), "{replies:?}");
}

#[test]
fn nothing_secret_is_in_the_machines_debug_text() {
    let mut world = World::signed_in();
    world.ask(Ask::ModelAccess, &mut |_| ok(&config("sk-very-secret")));
    let printed = format!("{:?}", world.machine).to_string();
    for secret in ["\"sk-very-secret", "\"r1\"", "e30."] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}

#[test]
fn a_failed_call_names_the_server_and_the_cause() {
    let mut world = World::new(None);
    let ask = start(Way::Password, "u@example.org", "p");
    let refused = TransportError::Network(NetworkCause::Tls);
    let replies = world.ask(ask, &mut |_| Some(Err(refused)));
    let [Err(error)] = &replies[..] else {
        panic!("{replies:?}")
    };
    assert_eq!((error.code, error.retryable), (ErrorCode::NetworkError, false));
    assert_eq!(error.network, Some(NetworkCause::Tls));
    assert_eq!(error.server, Some(crate::error::Server::Account));
    assert_eq!(error.origin.as_deref(), Some("https://example.supabase.co"));
}
