//! The fence at the store: what was decided under a lock that is lost, and what the store does not take.

use super::*;
use crate::oauth::FlowState;

/// What another window stored.
fn stored(session: &str, refresh: &str, generation: u64, now: Millis) -> Secret {
    let body = Secret::new(session_body(session, "u1", refresh, refresh, 3600));
    let mut session = supabase().parse_session(&body, now).unwrap();
    session.generation = generation;
    let record = Record {
        session: Some(session),
        ..Record::default()
    };
    record.to_text(&supabase().base)
}

fn renewal(request: &Request) -> Option<Result<Response, TransportError>> {
    assert!(request.url().ends_with("grant_type=refresh_token"), "{}", request.url());
    let sent = request.body().unwrap().expose();
    let number = sent.chars().filter(char::is_ascii_digit).collect::<String>();
    let number: u32 = number.parse().unwrap();
    let next = number + 1;
    ok(&session_body(
        "s1",
        "u1",
        &format!("t{next}"),
        &format!("r{next}"),
        3600,
    ))
}

fn token(world: &World) -> String {
    world.machine.session().unwrap().refresh_token.expose().to_owned()
}

fn session_id(world: &World) -> Option<&str> {
    world.machine.account().map(|account| account.session_id.as_str())
}

fn saved(world: &World) -> Record {
    Record::from_text(world.stored.as_ref().unwrap(), &supabase().base).unwrap()
}

#[test]
fn an_answer_that_comes_after_the_lock_was_lost_does_not_overwrite_a_newer_session() {
    let mut world = World::signed_in();
    world.now = world.now.plus(HOUR);
    // While this window stood still, another one took over the lock and renewed twice.
    let newer = stored("s1", "r3", 3, world.now);
    world.taken_over = Some(Change::Replace(newer.clone()));
    assert_eq!(code(&world.ask(Ask::AccessToken, &mut renewal)), ["ok"]);
    assert_eq!((world.stored.clone(), token(&world)), (Some(newer), "r3".to_owned()));
    assert_eq!(world.sent.len(), 1, "nothing is sent a second time");
    assert!(
        matches!(world.events()[..], [Event::Refreshed(_)]),
        "and nobody hears of trouble"
    );
}

#[test]
fn an_answer_that_comes_after_the_lock_was_lost_is_stored_where_nobody_renewed() {
    let mut world = World::signed_in();
    world.now = world.now.plus(HOUR);
    world.taken_over = Some(Change::Keep);
    assert_eq!(code(&world.ask(Ask::AccessToken, &mut renewal)), ["ok"]);
    assert_eq!((world.sent.len(), saved(&world).session.unwrap().generation), (1, 2));
}

#[test]
fn a_sign_out_while_a_renewal_was_under_way_stands() {
    let mut world = World::signed_in();
    world.now = world.now.plus(HOUR);
    world.taken_over = Some(Change::Erase);
    assert_eq!(code(&world.ask(Ask::AccessToken, &mut renewal)), ["NOT_AUTHENTICATED"]);
    assert_eq!((world.stored.clone(), session_id(&world)), (None, None));
}

#[test]
fn a_key_that_was_issued_while_somebody_signed_out_is_not_kept() {
    let mut world = World::signed_in();
    world.taken_over = Some(Change::Erase);
    world.ask(Ask::ModelAccess, &mut |_| ok(&config("sk-1")));
    assert_eq!(world.machine.record, Some(Record::default()));
    assert_eq!(world.stored, None);
}

#[test]
fn a_flow_that_another_window_ended_meanwhile_is_not_ended_twice() {
    let mut world = World::new(None);
    world.ask(start(Way::Github, "", ""), &mut silent);
    let mut other = World::new(world.stored.clone());
    let callback = |code: &str| Ask::Callback {
        text: Secret::new(format!("vscode://godoty.godoty/auth/callback?nonce=n1&code={code}")),
        pasted: false,
    };
    other.ask(callback("c2"), &mut |_| ok(&session_body("s2", "u1", "t2", "r2", 3600)));
    world.taken_over = other.stored.clone().map(Change::Replace);
    world.sent.clear();
    let replies = world.ask(callback("c1"), &mut |request| {
        let logout = request.url().contains("/logout");
        (!logout).then(|| Ok(Response::new(200, session_body("s1", "u1", "t1", "r1", 3600))))
    });
    assert_eq!(code(&replies), ["CALLBACK_USED"]);
    assert_eq!((session_id(&world), &world.stored), (Some("s2"), &other.stored));
    assert!(
        world.sent.iter().any(|url| url.contains("/logout")),
        "the second session is ended"
    );
}

#[test]
fn a_flow_that_others_know_is_not_ended_in_this_window_alone() {
    let mut world = World::new(None);
    world.ask(start(Way::Github, "", ""), &mut silent);
    let callback = || Ask::Callback {
        text: Secret::from("vscode://godoty.godoty/auth/callback?nonce=n1&code=c1"),
        pasted: false,
    };
    // The store can't be read: another window may have ended the flow.
    world.store_works = false;
    assert_eq!(code(&world.ask(callback(), &mut silent)), ["STORE_FAILED"]);
    // It can be read, and not written.
    world.store_works = true;
    world.writes_fail = 2;
    world.sent.clear();
    let replies = world.ask(callback(), &mut |request| {
        let logout = request.url().contains("/logout");
        (!logout).then(|| Ok(Response::new(200, session_body("s1", "u1", "t1", "r1", 3600))))
    });
    assert_eq!((code(&replies), session_id(&world)), (["STORE_FAILED"].to_vec(), None));
    assert_eq!(
        world.sent.len(),
        2,
        "the code, and the end of its session: {:?}",
        world.sent
    );
    let state = saved(&world).flow.map(|flow| flow.state);
    assert!(matches!(state, Some(FlowState::Pending(_))), "it can be tried again");
}

#[test]
fn a_full_disk_never_uses_up_a_token_that_the_others_have() {
    let mut world = World::signed_in();
    for _ in 0..3 {
        world.now = world.now.plus(HOUR);
        world.writes_fail = 2;
        let replies = world.ask(Ask::AccessToken, &mut |request| {
            assert!(request.body().unwrap().expose().contains("\"r1\""), "the stored one");
            renewal(request)
        });
        assert_eq!(code(&replies), ["ok"]);
        assert!(world.events().contains(&Event::StoreFailed));
    }
    assert_eq!(world.sent.len(), 3, "one for each token");
    // There is room again: what could not be stored is.
    world.input(Input::Wake, &mut silent);
    assert_eq!(world.machine.record.as_ref(), Some(&saved(&world)));
}

#[test]
fn a_sign_in_that_could_not_be_stored_leaves_the_others_session_alone() {
    let mut world = World::signed_in();
    let before = world.stored.clone();
    world.writes_fail = 2;
    let ask = start(Way::Password, "u@example.org", "p");
    let replies = world.ask(ask, &mut |request| {
        assert!(!request.url().contains("/logout"), "the others are signed in with it");
        ok(&session_body("s2", "u1", "t2", "r2", 3600))
    });
    assert_eq!((code(&replies), session_id(&world)), (["ok"].to_vec(), Some("s2")));
    assert_eq!(world.stored, before);
    // Another window renews the old one meanwhile; the newer sign-in is stored when that works again.
    world.stored = Some(stored("s1", "r2", 2, world.now));
    world.input(Input::StoreChanged, &mut silent);
    assert_eq!(session_id(&world), Some("s2"));
    world.input(Input::Wake, &mut silent);
    assert_eq!(saved(&world).session.unwrap().account.session_id, "s2");
}

#[test]
fn a_sign_in_elsewhere_takes_the_place_of_one_that_could_not_be_stored() {
    let mut world = World::new(None);
    world.ask(Ask::Restore, &mut silent);
    world.writes_fail = 2;
    let ask = start(Way::Password, "u@example.org", "p");
    world.ask(ask, &mut |_| ok(&session_body("s1", "u1", "t1", "r1", 3600)));
    world.stored = Some(stored("s2", "r2", 1, world.now));
    world.input(Input::StoreChanged, &mut silent);
    assert_eq!(session_id(&world), Some("s2"));
}

#[test]
fn a_sign_out_that_could_not_be_stored_stands_here_and_is_stored_later() {
    let mut world = World::signed_in();
    world.writes_fail = 2;
    let done = |_: &Request| ok("");
    assert_eq!(code(&world.ask(Ask::SignOut, &mut { done })), ["STORE_FAILED"]);
    world.input(Input::StoreChanged, &mut silent);
    assert_eq!(session_id(&world), None);
    world.input(Input::Wake, &mut silent);
    assert_eq!(world.stored, None);
}

#[test]
fn a_key_that_could_not_be_stored_goes_with_its_sign_in() {
    let body = Secret::new(session_body("s2", "u2", "t2", "r2", 3600));
    let session = supabase().parse_session(&body, Millis(1_000_000)).unwrap();
    let another = Record {
        session: Some(session),
        ..Record::default()
    };
    // Another window signs out, or somebody else signs in there.
    for theirs in [None, Some(another.to_text(&supabase().base))] {
        let mut world = World::signed_in();
        world.writes_fail = 2;
        assert_eq!(code(&world.ask(Ask::ModelAccess, &mut |_| ok(&config("sk-1")))), ["ok"]);
        world.stored.clone_from(&theirs);
        world.input(Input::StoreChanged, &mut silent);
        assert_eq!(world.machine.record.as_ref().unwrap().model_access, None);
        world.input(Input::Wake, &mut silent);
        assert_eq!(world.stored, theirs);
    }
}

#[test]
fn what_could_not_be_stored_is_tried_again_a_minute_later() {
    let mut world = World::signed_in();
    world.writes_fail = 4;
    let ask = start(Way::Password, "u@example.org", "p");
    world.ask(ask, &mut |_| ok(&session_body("s2", "u1", "t2", "r2", 3600)));
    for _ in 0..2 {
        assert_eq!(world.wake, Some(world.now.plus(60_000)));
        world.now = world.now.plus(60_000);
        world.input(Input::Wake, &mut |_| ok(""));
    }
    assert_eq!(world.machine.record.as_ref(), Some(&saved(&world)));
}

#[test]
fn a_flow_that_others_know_does_not_fail_in_this_window_alone() {
    let mut world = World::new(None);
    world.ask(start(Way::Github, "", ""), &mut silent);
    world.ask(Ask::Await { nonce: "n1".into() }, &mut silent);
    world.writes_fail = 2;
    // Another window redeemed the code at this moment, and has yet to say so.
    let callback = Ask::Callback {
        text: Secret::from("vscode://godoty.godoty/auth/callback?nonce=n1&code=c1"),
        pasted: false,
    };
    let replies = world.ask(callback, &mut |_| refuse(404, "flow_state_not_found"));
    assert_eq!(code(&replies), ["CALLBACK_USED"], "who waits still waits");
    let mut other = saved(&world);
    other.flow.as_mut().unwrap().state = FlowState::Completed;
    let body = Secret::new(session_body("s1", "u1", "t1", "r1", 3600));
    other.session = Some(supabase().parse_session(&body, world.now).unwrap());
    world.stored = Some(other.to_text(&supabase().base));
    let replies = world.input(Input::StoreChanged, &mut silent);
    assert!(
        matches!(&replies[..], [Ok(Answer::Completed(_, Way::Github))]),
        "{replies:?}"
    );
}
