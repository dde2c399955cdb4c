//! The guard and the renewals: clocks, focus, rests, lost replies, and what counts as signed out.

use super::*;

const MINUTE: u64 = 60_000;

fn renewal(
    token: &'static str,
    refresh: &'static str,
) -> impl FnMut(&Request) -> Option<Result<Response, TransportError>> {
    move |request| {
        assert!(request.url().ends_with("grant_type=refresh_token"), "{}", request.url());
        ok(&session_body("s1", "u1", token, refresh, 3600))
    }
}

/// What another window stored: the same session, renewed.
fn renewed_elsewhere(world: &World, generation: u64, refresh: &str) -> Secret {
    let body = Secret::new(session_body("s1", "u1", refresh, refresh, 3600));
    let mut session = supabase().parse_session(&body, world.now).unwrap();
    session.generation = generation;
    Record {
        session: Some(session),
        ..Record::default()
    }
    .to_text(&supabase().base)
}

#[test]
fn a_window_without_focus_renews_when_it_is_needed() {
    let mut world = World::signed_in();
    world.input(Input::Focused(false), &mut silent);
    world.now = world.now.plus(HOUR / 5 * 4);
    world.input(Input::Wake, &mut silent);
    // The user comes back: what is due is done.
    world.input(Input::Focused(true), &mut silent);
    assert_eq!(world.wake, Some(world.now));
    world.input(Input::Wake, &mut renewal("t2", "r2"));
    assert!(matches!(world.events()[..], [Event::Refreshed(_)]));
}

#[test]
fn a_token_counts_as_ended_90_seconds_before_its_end_or_a_fifth_of_its_life() {
    for (life, margin) in [(3600, 90_000), (450, 90_000), (449, 89_800), (5, 1_000)] {
        let mut world = World::new(None);
        let ask = start(Way::Password, "u@example.org", "p");
        world.ask(ask, &mut |_| ok(&session_body("s1", "u1", "t1", "r1", life)));
        let begin = world.now;
        world.now = begin.plus(life * 1000 - margin - 1);
        assert_eq!(code(&world.ask(Ask::AccessToken, &mut silent)), ["ok"], "{life}");
        assert!(world.machine.access_token(world.now).is_some(), "{life}");
        world.now = begin.plus(life * 1000 - margin);
        assert!(world.machine.access_token(world.now).is_none(), "{life}");
        world.sent.clear();
        assert_eq!(code(&world.ask(Ask::AccessToken, &mut renewal("t2", "r2"))), ["ok"]);
        assert_eq!(world.sent.len(), 1, "{life}");
    }
}

#[test]
fn a_clock_that_was_set_back_makes_the_token_a_doubtful_one() {
    let mut world = World::signed_in();
    let issued = world.now;
    world.now = Millis(issued.0 - MINUTE);
    assert_eq!(
        code(&world.ask(Ask::AccessToken, &mut silent)),
        ["ok"],
        "a minute is nothing"
    );
    world.now = Millis(issued.0 - MINUTE - 1);
    assert_eq!(code(&world.ask(Ask::AccessToken, &mut renewal("t2", "r2"))), ["ok"]);
    assert_eq!(world.sent.len(), 1);
    assert_eq!(code(&world.ask(Ask::AccessToken, &mut silent)), ["ok"], "once");
}

#[test]
fn a_clock_that_jumps_ahead_and_back_costs_a_renewal_each_and_no_session() {
    let mut world = World::signed_in();
    let issued = world.now;
    world.now = issued.plus(10 * 365 * 24 * HOUR);
    assert_eq!(code(&world.ask(Ask::AccessToken, &mut renewal("t2", "r2"))), ["ok"]);
    world.now = issued.plus(MINUTE);
    assert_eq!(code(&world.ask(Ask::AccessToken, &mut renewal("t3", "r3"))), ["ok"]);
    assert_eq!(world.sent.len(), 2);
}

#[test]
fn an_older_text_in_the_store_is_not_adopted() {
    let mut world = World::signed_in();
    world.now = world.now.plus(HOUR);
    world.ask(Ask::AccessToken, &mut renewal("t2", "r2"));
    world.ask(Ask::AccessToken, &mut silent);
    world.events();
    // A window that was asleep writes what it had; the clock was set back meanwhile, so that times tell nothing.
    world.stored = Some(renewed_elsewhere(&world, 1, "r1"));
    world.input(Input::StoreChanged, &mut silent);
    assert!(world.events().is_empty());
    world.now = world.now.plus(HOUR);
    let replies = world.ask(Ask::AccessToken, &mut |request| {
        assert!(request.body().unwrap().expose().contains("r2"));
        ok(&session_body("s1", "u1", "t3", "r3", 3600))
    });
    assert_eq!(code(&replies), ["ok"]);
}

#[test]
fn after_a_failure_it_rests() {
    let mut world = World::signed_in();
    world.now = world.now.plus(HOUR / 5 * 4);
    world.input(Input::Wake, &mut |_| refuse(503, "x"));
    assert_eq!(world.wake, Some(world.now.plus(MINUTE)));
    world.now = world.now.plus(MINUTE - 1);
    world.input(Input::Wake, &mut silent);
    world.now = world.now.plus(1);
    world.input(Input::Wake, &mut renewal("t2", "r2"));
    assert!(matches!(world.events()[..], [Event::Refreshed(_)]));
}

#[test]
fn while_it_rests_a_living_token_serves_and_a_dead_one_has_the_servers_answer() {
    let mut world = World::signed_in();
    world.now = world.now.plus(HOUR - MINUTE);
    assert_eq!(code(&world.ask(Ask::AccessToken, &mut |_| refuse(503, "x"))), ["ok"]);
    assert_eq!(code(&world.ask(Ask::AccessToken, &mut silent)), ["ok"]);
    let mut world = World::signed_in();
    world.now = world.now.plus(HOUR);
    let mut busy = Response::new(429, r#"{"code":"over_request_rate_limit"}"#.to_owned());
    busy.retry_after_ms = Some(2 * MINUTE);
    let replies = world.ask(Ask::AccessToken, &mut |_| Some(Ok(busy.clone())));
    assert_eq!(code(&replies), ["RATE_LIMITED"]);
    world.now = world.now.plus(2 * MINUTE - 1);
    assert_eq!(code(&world.ask(Ask::AccessToken, &mut silent)), ["RATE_LIMITED"]);
    world.now = world.now.plus(1);
    assert_eq!(code(&world.ask(Ask::AccessToken, &mut renewal("t2", "r2"))), ["ok"]);
}

#[test]
fn a_siblings_token_ends_the_rest() {
    let mut world = World::signed_in();
    world.now = world.now.plus(HOUR);
    let replies = world.ask(Ask::AccessToken, &mut |_| refuse(503, "x"));
    assert_eq!(code(&replies), ["SERVER_ERROR"]);
    // It lives for less than the rest.
    let body = Secret::new(session_body("s1", "u1", "t2", "r2", 20));
    let mut session = supabase().parse_session(&body, world.now).unwrap();
    session.generation = 2;
    let record = Record {
        session: Some(session),
        ..Record::default()
    };
    world.stored = Some(record.to_text(&supabase().base));
    world.input(Input::StoreChanged, &mut silent);
    world.now = world.now.plus(20_000);
    assert_eq!(code(&world.ask(Ask::AccessToken, &mut renewal("t3", "r3"))), ["ok"]);
}

#[test]
fn a_token_that_the_server_refused_serves_nobody_although_there_is_no_other() {
    let mut world = World::signed_in();
    let rpc = Ask::Rpc {
        function: "profile",
        body: "{}".into(),
    };
    let replies = world.ask(rpc, &mut |request| {
        if request.url().contains("/token") {
            Some(Err(TransportError::Network(NetworkCause::Offline)))
        } else {
            refuse(401, "bad_jwt")
        }
    });
    assert_eq!((code(&replies), world.sent.len()), (["NETWORK_ERROR"].to_vec(), 2));
}

#[test]
fn a_connection_that_comes_back_is_used_at_once_by_who_needs_it() {
    let mut world = World::signed_in();
    world.now = world.now.plus(HOUR);
    let lost = Some(Err(TransportError::Network(NetworkCause::Offline)));
    assert_eq!(
        code(&world.ask(Ask::AccessToken, &mut |_| lost.clone())),
        ["NETWORK_ERROR"]
    );
    assert_eq!(code(&world.ask(Ask::AccessToken, &mut renewal("t2", "r2"))), ["ok"]);
}

#[test]
fn a_lost_reply_is_followed_by_the_same_refresh_token() {
    let mut world = World::signed_in();
    world.now = world.now.plus(HOUR);
    for reply in [
        Err(TransportError::Timeout),
        Ok(Response::new(200, session_body("s1", "u1", "t2", "r2", 3600))),
    ] {
        world.ask(Ask::AccessToken, &mut |request| {
            assert!(request.body().unwrap().expose().contains("r1"));
            Some(reply.clone())
        });
    }
    assert!(matches!(world.events()[..], [Event::Refreshed(_)]));
}

#[test]
fn only_the_four_codes_end_a_session() {
    for (status, refusal, ends) in [
        (400, "refresh_token_not_found", true),
        (400, "refresh_token_already_used", true),
        (403, "session_not_found", true),
        (403, "session_expired", true),
        (400, "validation_failed", false),
        (403, "user_banned", false),
        (401, "bad_jwt", false),
        (500, "session_expired_maybe", false),
    ] {
        let mut world = World::signed_in();
        world.now = world.now.plus(HOUR);
        world.ask(Ask::AccessToken, &mut |_| refuse(status, refusal));
        assert_eq!(world.machine.account().is_none(), ends, "{refusal}");
    }
}

#[test]
fn before_a_session_counts_as_ended_the_store_is_read_again() {
    let mut world = World::signed_in();
    world.now = world.now.plus(HOUR);
    let newer = renewed_elsewhere(&world, 2, "r2");
    // The sibling's text arrives between the refusal and the second look.
    world.requests += 1;
    world
        .machine
        .handle(Input::Ask(RequestId(1), Ask::AccessToken), world.now);
    let mut looks = 0;
    let mut replies = Vec::new();
    while let Some(output) = world.machine.poll() {
        let input = match output {
            Output::BeginUpdate(id) => {
                looks += 1;
                let text = if looks == 1 {
                    world.stored.clone()
                } else {
                    Some(newer.clone())
                };
                Input::UpdateBegan(id, Ok(text))
            }
            Output::SendHttp(id, _) => Input::Http(id, refuse(400, "refresh_token_already_used").unwrap()),
            Output::EndUpdate(id, change) => {
                assert_eq!(change, Change::Keep);
                Input::UpdateEnded(id, Ok(()))
            }
            Output::Reply(_, reply) => {
                replies.push(reply);
                continue;
            }
            _ => continue,
        };
        world.machine.handle(input, world.now);
    }
    assert_eq!((code(&replies).as_slice(), looks), (&["ok"][..], 2));
    assert!(world.machine.account().is_some());
}

#[test]
fn memory_then_store_then_the_server_then_a_refresh() {
    // Memory: no call, no look.
    let mut world = World::signed_in();
    assert_eq!(code(&world.ask(Ask::AccessToken, &mut silent)), ["ok"]);
    // The store: another window signed in, and nobody told.
    let mut other = World::new(None);
    other.ask(Ask::Restore, &mut silent);
    other.stored.clone_from(&world.stored);
    assert_eq!(code(&other.ask(Ask::AccessToken, &mut silent)), ["ok"]);
    // The server, once in two hours, where tokens live that long.
    let long = session_body("s1", "u1", "t1", "r1", 24 * 3600);
    let mut world = World::new(None);
    world.ask(start(Way::Password, "u@example.org", "p"), &mut |_| ok(&long));
    world.sent.clear();
    world.now = world.now.plus(2 * HOUR);
    assert_eq!(code(&world.ask(Ask::AccessToken, &mut silent)), ["ok"]);
    world.now = world.now.plus(1);
    assert_eq!(code(&world.ask(Ask::AccessToken, &mut |_| ok("{}"))), ["ok"]);
    assert_eq!(world.sent, ["https://example.supabase.co/auth/v1/user"]);
    assert_eq!(code(&world.ask(Ask::AccessToken, &mut silent)), ["ok"]);
    // A server that is down knows nothing against the token, and is not asked at every turn.
    world.now = world.now.plus(2 * HOUR + 1);
    assert_eq!(code(&world.ask(Ask::AccessToken, &mut |_| refuse(503, "x"))), ["ok"]);
    assert_eq!(code(&world.ask(Ask::AccessToken, &mut silent)), ["ok"]);
    // One that refuses the token leads to a refresh.
    world.now = world.now.plus(2 * HOUR);
    world.sent.clear();
    let replies = world.ask(Ask::AccessToken, &mut |request| {
        if request.url().ends_with("/user") {
            refuse(403, "session_not_found")
        } else {
            ok(&session_body("s1", "u1", "t2", "r2", 3600))
        }
    });
    assert_eq!((code(&replies).as_slice(), world.sent.len()), (&["ok"][..], 2));
    assert_eq!(
        code(&world.ask(Ask::AccessToken, &mut silent)),
        ["ok"],
        "it is a new one"
    );
}

#[test]
fn chat_goes_on_with_the_devices_key_when_the_session_is_dead() {
    let mut world = World::signed_in();
    world.ask(Ask::ModelAccess, &mut |_| ok(&config("sk-1")));
    world.now = world.now.plus(HOUR);
    assert_eq!(world.machine.key_of(world.now), None, "somebody is signed in");
    world.ask(Ask::AccessToken, &mut |_| refuse(403, "session_not_found"));
    assert_eq!(world.machine.account(), None);
    assert_eq!(world.machine.key_of(world.now), Some("u1"));
    assert_eq!(code(&world.ask(Ask::ModelAccess, &mut silent)), ["ok"]);
    // Signed out by the user means that nothing is left.
    world.ask(Ask::SignOut, &mut silent);
    assert_eq!(world.machine.key_of(world.now), None);
    assert_eq!(code(&world.ask(Ask::ModelAccess, &mut silent)), ["NOT_AUTHENTICATED"]);
}

#[test]
fn without_a_look_into_the_store_nothing_is_renewed_that_others_may_have_renewed() {
    let mut world = World::signed_in();
    world.now = world.now.plus(HOUR);
    world.store_works = false;
    assert_eq!(code(&world.ask(Ask::AccessToken, &mut silent)), ["STORE_FAILED"]);
    world.store_works = true;
    assert_eq!(code(&world.ask(Ask::AccessToken, &mut renewal("t2", "r2"))), ["ok"]);
}

#[test]
fn a_session_that_the_store_did_not_take_is_kept_and_saved_later() {
    let mut world = World::new(None);
    world.store_works = false;
    world.ask(start(Way::Password, "u@example.org", "p"), &mut |_| {
        ok(&session_body("s1", "u1", "t1", "r1", 3600))
    });
    world.store_works = true;
    world.input(Input::StoreChanged, &mut silent);
    assert!(world.machine.account().is_some());
    world.now = world.now.plus(HOUR);
    assert_eq!(code(&world.ask(Ask::AccessToken, &mut renewal("t2", "r2"))), ["ok"]);
    assert!(world.stored.as_ref().unwrap().expose().contains("r2"));
}

#[test]
fn an_answer_that_comes_after_a_long_sleep_is_a_lost_one() {
    let mut world = World::signed_in();
    world.now = world.now.plus(HOUR);
    world.requests += 1;
    world
        .machine
        .handle(Input::Ask(RequestId(9), Ask::AccessToken), world.now);
    let mut open = None;
    while let Some(output) = world.machine.poll() {
        match output {
            Output::BeginUpdate(id) => {
                let text = world.stored.clone();
                world.machine.handle(Input::UpdateBegan(id, Ok(text)), world.now);
            }
            Output::SendHttp(id, _) => open = Some(id),
            _ => {}
        }
    }
    let before = world.stored.clone();
    world.now = world.now.plus(HOUR);
    let answer = Response::new(200, session_body("s1", "u1", "t2", "r2", 3600));
    let replies = world.input(Input::Http(open.unwrap(), Ok(answer)), &mut silent);
    assert_eq!((code(&replies), world.stored), (["TIMEOUT"].to_vec(), before));
}

#[test]
fn tokens_without_a_life_are_renewed_once_a_second_at_most() {
    let mut world = World::new(None);
    let dead = |_: &Request| ok(&session_body("s1", "u1", "t1", "r1", 0));
    world.ask(start(Way::Password, "u@example.org", "p"), &mut { dead });
    assert_eq!(world.wake, Some(world.now.plus(1000)));
    world.now = world.now.plus(1000);
    world.input(Input::Wake, &mut { dead });
    assert_eq!(world.wake, Some(world.now.plus(1000)));
}
