//! Flows: begun in one window, ended in any, once.

use super::*;
use crate::oauth::{FlowState, LIFETIME_MS};

const CALLBACK: &str = "vscode://godoty.godoty/auth/callback?nonce=n1&code=c1";

fn callback(text: &str) -> Ask {
    Ask::Callback {
        text: Secret::from(text),
        pasted: false,
    }
}

fn paste(text: &str) -> Ask {
    Ask::Callback {
        text: Secret::from(text),
        pasted: true,
    }
}

fn awaited() -> Ask {
    Ask::Await { nonce: "n1".into() }
}

/// A window in which a sign-in with this way has begun.
fn pending(way: Way) -> World {
    let mut world = World::new(None);
    let replies = world.ask(start(way, "u1@example.org", "p"), &mut |_| ok("{\"id\":\"u1\"}"));
    assert!(matches!(&replies[..], [Ok(Answer::Pending { .. })]), "{replies:?}");
    world.sent.clear();
    world
}

/// Another window on the same store.
fn sibling(world: &World) -> World {
    let mut other = World::new(world.stored.clone());
    other.now = world.now;
    other
}

/// `world` learns of what `other` stored.
fn tell(world: &mut World, other: &World) -> Vec<Result<Answer, Error>> {
    world.stored.clone_from(&other.stored);
    world.input(Input::StoreChanged, &mut silent)
}

fn session(_: &Request) -> Option<Result<Response, TransportError>> {
    ok(&session_body("s1", "u1", "t1", "r1", 3600))
}

fn state(world: &World) -> FlowState {
    let stored = world.stored.as_ref().expect("nothing is stored");
    let record = Record::from_text(stored, &supabase().base).unwrap();
    record.flow.expect("no flow is stored").state
}

#[test]
fn a_provider_is_asked_for_a_code_that_only_this_flow_can_redeem() {
    let mut world = World::new(None);
    let replies = world.ask(start(Way::Github, "", ""), &mut silent);
    let [Ok(Answer::Pending { nonce, url: Some(url) })] = &replies[..] else {
        panic!("{replies:?}")
    };
    assert_eq!(nonce, "n1");
    let expected = format!(
        "https://example.supabase.co/auth/v1/authorize?provider=github\
         &redirect_to=vscode%3A%2F%2Fgodoty.godoty%2Fauth%2Fcallback%3Fnonce%3Dn1\
         &code_challenge={}&code_challenge_method=s256",
        crate::oauth::challenge(&Secret::new("v".repeat(43)))
    );
    assert_eq!(url, &expected);
    let replies = world.ask(callback(CALLBACK), &mut |request| {
        assert!(request.url().ends_with("/auth/v1/token?grant_type=pkce"));
        let body = request.body().unwrap().expose();
        assert!(
            body.contains(r#""auth_code":"c1""#) && body.contains(&"v".repeat(43)),
            "{body}"
        );
        session(request)
    });
    assert!(matches!(&replies[..], [Ok(Answer::Completed(account, Way::Github))] if account.user_id == "u1"));
    assert!(matches!(world.events()[..], [Event::SignedIn(_)]));
    assert!(
        !world.stored.unwrap().expose().contains("verifier"),
        "it is of no more use"
    );
}

#[test]
fn any_window_ends_a_flow_and_the_one_that_began_it_learns_of_it() {
    let mut first = pending(Way::Google);
    assert!(first.ask(awaited(), &mut silent).is_empty());
    let mut second = sibling(&first);
    let replies = second.ask(callback(CALLBACK), &mut session);
    assert_eq!(code(&replies), ["ok"]);
    let replies = tell(&mut first, &second);
    assert!(matches!(&replies[..], [Ok(Answer::Completed(account, Way::Google))] if account.session_id == "s1"));
    assert!(matches!(first.events()[..], [Event::SignedIn(_)]));
    // The same callback in a third window, and again in the second.
    for window in [&mut sibling(&first), &mut second] {
        assert_eq!(code(&window.ask(callback(CALLBACK), &mut silent)), ["CALLBACK_USED"]);
        assert_eq!(
            window.machine.account().map(|account| account.session_id.as_str()),
            Some("s1")
        );
    }
}

#[test]
fn where_no_change_is_told_the_waiting_window_looks_by_itself() {
    let mut first = pending(Way::Github);
    first.ask(awaited(), &mut silent);
    assert_eq!(first.wake, Some(first.now.plus(2000)));
    let mut second = sibling(&first);
    second.ask(callback(CALLBACK), &mut session);
    first.stored = second.stored;
    first.now = first.now.plus(2000);
    assert_eq!(code(&first.input(Input::Wake, &mut silent)), ["ok"]);
}

#[test]
fn a_strangers_a_late_and_a_damaged_callback_change_nothing() {
    for (text, later, expected) in [
        (
            "vscode://godoty.godoty/auth/callback?nonce=other&code=c1",
            0,
            "CALLBACK_UNKNOWN",
        ),
        (
            "vscode://godoty.godoty/auth/callback?nonce=other&error=access_denied",
            0,
            "CALLBACK_UNKNOWN",
        ),
        ("vscode://godoty.godoty/auth/callback?code=c1", 0, "CALLBACK_UNKNOWN"),
        ("vscode://godoty.godoty/doctor?nonce=n1&code=c1", 0, "CALLBACK_UNKNOWN"),
        (
            "vscode://godoty.godoty/auth/callback?nonce=n1#access_token=a&refresh_token=b",
            0,
            "CALLBACK_UNKNOWN",
        ),
        (CALLBACK, LIFETIME_MS, "SIGN_IN_EXPIRED"),
    ] {
        let mut world = pending(Way::Github);
        world.now = world.now.plus(later);
        let before = world.stored.clone();
        assert_eq!(code(&world.ask(callback(text), &mut silent)), [expected], "{text}");
        assert_eq!((world.stored, world.events.len()), (before, 0), "{text}");
    }
    // Where nothing was begun.
    let mut world = World::new(None);
    assert_eq!(code(&world.ask(callback(CALLBACK), &mut silent)), ["CALLBACK_UNKNOWN"]);
    assert_eq!(world.stored, None);
}

#[test]
fn a_callback_that_leads_to_another_account_is_refused_and_its_session_ended() {
    let mut world = World::signed_in();
    world.ask(start(Way::EmailCode, "u1@example.org", ""), &mut |_| ok("{}"));
    world.sent.clear();
    let replies = world.ask(paste("123456"), &mut |request| {
        let logout = request.url().contains("/logout");
        let body = session_body("s2", "u2", "t2", "r2", 3600);
        (!logout).then(|| Ok(Response::new(200, body)))
    });
    assert_eq!(code(&replies), ["ACCOUNT_MISMATCH"]);
    assert!(world.sent.iter().any(|url| url.contains("/logout")), "{:?}", world.sent);
    assert_eq!(world.machine.account().unwrap().user_id, "u1");
    assert!(world.events().is_empty());
    assert_eq!(state(&world), FlowState::Failed(ErrorCode::AccountMismatch));
}

#[test]
fn a_denied_consent_ends_the_flow_and_is_told_in_the_window_that_waits() {
    let mut first = pending(Way::Github);
    first.ask(awaited(), &mut silent);
    let mut second = sibling(&first);
    let denied = "vscode://godoty.godoty/auth/callback?nonce=n1&error=access_denied#error=access_denied&sb=";
    assert_eq!(code(&second.ask(callback(denied), &mut silent)), ["ACCESS_DENIED"]);
    assert_eq!(code(&tell(&mut first, &second)), ["ACCESS_DENIED"]);
    assert_eq!(code(&second.ask(callback(CALLBACK), &mut silent)), ["CALLBACK_USED"]);
}

#[test]
fn a_lost_reply_leaves_the_flow_open_and_a_refusal_ends_it() {
    let mut world = pending(Way::Github);
    let lost = Some(Err(TransportError::Network(NetworkCause::Lost)));
    assert_eq!(
        code(&world.ask(callback(CALLBACK), &mut |_| lost.clone())),
        ["NETWORK_ERROR"]
    );
    assert!(matches!(state(&world), FlowState::Pending(_)));
    for (status, refusal, expected) in [
        (404, "flow_state_not_found", "CALLBACK_USED"),
        (400, "bad_code_verifier", "CALLBACK_UNKNOWN"),
        (400, "flow_state_expired", "SIGN_IN_EXPIRED"),
    ] {
        let mut window = sibling(&world);
        assert_eq!(
            code(&window.ask(callback(CALLBACK), &mut |_| refuse(status, refusal))),
            [expected]
        );
        assert!(matches!(state(&window), FlowState::Failed(_)));
    }
}

#[test]
fn the_code_of_an_e_mail_may_be_mistyped_and_typed_again() {
    for (way, kind) in [
        (Way::EmailCode, "email"),
        (Way::CreateAccount, "signup"),
        (Way::ResetPassword, "recovery"),
    ] {
        let mut world = pending(way);
        world.ask(awaited(), &mut silent);
        let replies = world.ask(paste("000000"), &mut |_| refuse(403, "otp_expired"));
        assert_eq!(code(&replies), ["CODE_REJECTED"]);
        let replies = world.ask(paste(" 123 456 "), &mut |request| {
            let body = request.body().unwrap().expose();
            let expected = format!(r#"{{"email":"u1@example.org","type":"{kind}","token":"123456"}}"#);
            assert_eq!(
                (request.url(), body),
                ("https://example.supabase.co/auth/v1/verify", expected.as_str())
            );
            session(request)
        });
        assert_eq!(code(&replies), ["ok", "ok"], "who typed and who waited");
    }
}

#[test]
fn a_link_in_the_e_mail_does_the_same_as_its_code() {
    let mut world = pending(Way::ResetPassword);
    let replies = world.ask(callback(CALLBACK), &mut session);
    assert!(matches!(&replies[..], [Ok(Answer::Completed(_, Way::ResetPassword))]));
    // Then another password; the old one is told apart from a weak one.
    let mut put = |request: &Request| {
        assert_eq!(
            (request.method(), request.url()),
            (crate::http::Method::Put, "https://example.supabase.co/auth/v1/user")
        );
        if request.body().unwrap().expose().contains("old") {
            refuse(422, "same_password")
        } else {
            ok("{}")
        }
    };
    let set = |text: &str| Ask::SetPassword {
        password: Secret::from(text),
    };
    let replies = world.ask(set("old"), &mut put);
    assert!(
        matches!(&replies[..], [Err(error)] if error.code == ErrorCode::WeakPassword && error.reasons == ["same_password"])
    );
    assert_eq!(world.ask(set("new"), &mut put), [Ok(Answer::Done)]);
}

#[test]
fn what_the_user_pastes_may_lack_the_nonce_and_the_verifier_decides() {
    for text in ["c1", "https://shop.example.org/?code=c1", CALLBACK] {
        let mut world = pending(Way::Github);
        assert_eq!(code(&world.ask(paste(text), &mut session)), ["ok"], "{text}");
    }
    let mut world = pending(Way::Github);
    let foreign = "https://shop.example.org/?nonce=n2&code=c1";
    assert_eq!(code(&world.ask(paste(foreign), &mut silent)), ["CALLBACK_UNKNOWN"]);
    assert_eq!(
        code(&world.ask(paste("123456"), &mut silent)),
        ["CALLBACK_UNKNOWN"],
        "no e-mail was sent"
    );
    assert_eq!(
        code(&world.ask(paste("c2"), &mut |_| refuse(400, "bad_code_verifier"))),
        ["CALLBACK_UNKNOWN"]
    );
    let declined = "https://shop.example.org/?error=access_denied";
    assert_eq!(
        code(&world.ask(paste(declined), &mut silent)),
        ["ACCESS_DENIED"],
        "nobody knows of which sign-in"
    );
    assert_eq!(
        code(&world.ask(paste("c1"), &mut session)),
        ["ok"],
        "the flow still waits"
    );
}

#[test]
fn a_second_attempt_takes_the_place_of_the_first() {
    let mut first = pending(Way::Github);
    first.ask(awaited(), &mut silent);
    let mut second = sibling(&first);
    let mut again = start(Way::Google, "", "");
    if let Ask::Start(start) = &mut again {
        start.nonce = "n2".into();
    }
    second.ask(again, &mut silent);
    assert_eq!(code(&tell(&mut first, &second)), ["CANCELLED"]);
    assert_eq!(code(&second.ask(callback(CALLBACK), &mut silent)), ["CALLBACK_UNKNOWN"]);
    assert_eq!(
        code(&second.ask(callback(&CALLBACK.replace("n1", "n2")), &mut session)),
        ["ok"]
    );
}

#[test]
fn a_sign_in_by_password_takes_the_place_of_a_flow_that_waits() {
    let mut first = pending(Way::Github);
    first.ask(awaited(), &mut silent);
    let mut second = sibling(&first);
    assert_eq!(
        code(&second.ask(start(Way::Password, "u1@example.org", "p"), &mut session)),
        ["ok"]
    );
    assert_eq!(code(&tell(&mut first, &second)), ["CANCELLED"]);
    assert_eq!(code(&first.ask(callback(CALLBACK), &mut silent)), ["CALLBACK_UNKNOWN"]);
}

#[test]
fn a_wait_that_is_cancelled_ends_the_flow() {
    let mut world = pending(Way::Github);
    world.ask(awaited(), &mut silent);
    let waiting = RequestId(world.requests);
    assert_eq!(code(&world.input(Input::Cancel(waiting), &mut silent)), ["CANCELLED"]);
    assert_eq!(world.stored, None);
    assert_eq!(code(&world.ask(callback(CALLBACK), &mut silent)), ["CALLBACK_UNKNOWN"]);
}

#[test]
fn a_code_whose_check_is_cancelled_can_be_typed_again() {
    let mut world = pending(Way::EmailCode);
    world.ask(paste("123456"), &mut |_| None);
    let typed = RequestId(world.requests);
    assert_eq!(code(&world.input(Input::Cancel(typed), &mut silent)), ["CANCELLED"]);
    assert_eq!(world.cancelled, 1);
    assert_eq!(code(&world.ask(paste("123456"), &mut session)), ["ok"]);
}

#[test]
fn a_code_that_is_taken_back_while_another_window_has_the_store_is_not_sent() {
    let mut world = pending(Way::EmailCode);
    let typed = RequestId(9);
    world.machine.handle(Input::Ask(typed, paste("123456")), world.now);
    let Some(Output::BeginUpdate(lock)) = world.machine.poll() else {
        panic!("the lock comes first")
    };
    assert_eq!(code(&world.input(Input::Cancel(typed), &mut silent)), ["CANCELLED"]);
    let began = Input::UpdateBegan(lock, Ok(world.stored.clone()));
    assert!(world.input(began, &mut silent).is_empty());
    assert!(matches!(state(&world), FlowState::Pending(_)));
    assert_eq!(code(&world.ask(paste("123456"), &mut session)), ["ok"]);
}

#[test]
fn a_wait_ends_with_the_flows_time() {
    let mut world = pending(Way::Github);
    world.ask(awaited(), &mut silent);
    world.now = world.now.plus(LIFETIME_MS);
    assert_eq!(code(&world.input(Input::Wake, &mut silent)), ["SIGN_IN_EXPIRED"]);
}

#[test]
fn a_store_that_fails_leaves_the_flow_to_this_window() {
    let mut world = World::new(None);
    world.store_works = false;
    world.ask(start(Way::Github, "", ""), &mut silent);
    assert!(world.events().contains(&Event::StoreFailed));
    assert_eq!(code(&world.ask(callback(CALLBACK), &mut session)), ["ok"]);
}

#[test]
fn an_account_is_offered_only_where_the_server_says_that_there_is_none() {
    let mut world = World::new(None);
    let replies = world.ask(start(Way::EmailCode, "u@example.org", ""), &mut |request| {
        assert!(request.body().unwrap().expose().contains(r#""create_user":false"#));
        refuse(422, "otp_disabled")
    });
    assert_eq!(code(&replies), ["ACCOUNT_UNKNOWN"]);
    let replies = world.ask(start(Way::Password, "u@example.org", "p"), &mut |_| {
        refuse(400, "invalid_credentials")
    });
    assert_eq!(code(&replies), ["INVALID_CREDENTIALS"]);
    assert_eq!(world.stored, None);
}

#[test]
fn an_e_mails_link_leads_back_with_the_nonce_and_its_code_needs_the_verifier() {
    let mut world = World::new(None);
    world.ask(start(Way::CreateAccount, "u@example.org", "p"), &mut |request| {
        assert_eq!(
            request.url(),
            "https://example.supabase.co/auth/v1/signup?redirect_to=vscode%3A%2F%2Fgodoty.godoty%2Fauth%2Fcallback%3Fnonce%3Dn1"
        );
        let body = request.body().unwrap().expose();
        assert!(body.contains(r#""code_challenge_method":"s256""#), "{body}");
        ok("{\"id\":\"u\"}")
    });
    assert!(matches!(state(&world), FlowState::Pending(_)));
}

#[test]
fn what_can_lead_nowhere_is_not_begun() {
    for change in [
        (|start: &mut Start| start.redirect_to = None) as fn(&mut Start),
        |start| start.redirect_to = Some("godoty".into()),
        |start| start.redirect_to = Some("vscode://a#b".into()),
    ] {
        let mut world = World::new(None);
        let mut ask = start(Way::Github, "", "");
        if let Ask::Start(start) = &mut ask {
            change(start);
        }
        assert_eq!(code(&world.ask(ask, &mut silent)), ["VALIDATION_FAILED"]);
        assert_eq!(world.stored, None);
    }
}

#[test]
fn the_ways_are_those_of_the_host_that_the_server_has() {
    let host = crate::oauth::Host {
        desktop: false,
        uri_handler: false,
        loopback: false,
    };
    let ways = |answer: Option<Result<Response, TransportError>>| {
        let replies = World::new(None).ask(Ask::Ways(host), &mut |request| {
            assert!(request.url().ends_with("/auth/v1/settings"));
            answer.clone()
        });
        match &replies[..] {
            [Ok(Answer::Ways(offers))] => offers.iter().map(|offer| offer.way).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        }
    };
    let only_github = r#"{"external":{"github":true,"email":false}}"#;
    assert_eq!(ways(ok(only_github)), [Way::Github]);
    assert_eq!(ways(Some(Err(TransportError::Timeout))).len(), Way::ALL.len());
}
