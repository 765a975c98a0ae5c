//! What an issuer is spared, and what happens while it does not answer.

use super::*;

#[test]
fn everybody_who_asks_about_one_token_at_once_shares_the_question() {
    let bench = Bench::new(ANN, &[]);
    bench.issuer.held.store(true, Ordering::Relaxed);
    let request = request("Bearer t", None);
    let mut all = (0..200)
        .map(|_| bench.authenticator.authenticate(&request, now(0)))
        .collect::<Vec<_>>();
    assert!(all.iter_mut().all(|one| look(one).is_pending()));
    // The first to ask goes away; the others carry on.
    drop(all.remove(0));
    bench.issuer.held.store(false, Ordering::Relaxed);
    for one in &mut all {
        let Poll::Ready(outcome) = look(one) else {
            panic!("the issuer has answered");
        };
        assert_eq!(reason(&outcome), "authenticated");
    }
    assert_eq!(bench.asked(), 1);
}

#[test]
fn so_many_questions_are_under_way_and_the_others_wait_or_are_told_to_come_back() {
    let bench = Bench::new(ANN, &[("at_once", Some(OptionValue::Integer(2)))]);
    bench.issuer.held.store(true, Ordering::Relaxed);
    let requests = (0..30)
        .map(|n| request(&format!("Bearer t{n}"), None))
        .collect::<Vec<_>>();
    let mut all = requests
        .iter()
        .map(|request| bench.authenticator.authenticate(request, now(0)))
        .collect::<Vec<_>>();
    let mut busy = 0;
    let mut waiting = Vec::new();
    for mut one in all.drain(..) {
        match look(&mut one) {
            Poll::Ready(outcome) => {
                assert_eq!(reason(&outcome), "introspection_busy");
                busy += 1;
            }
            Poll::Pending => waiting.push(one),
        }
    }
    assert_eq!((bench.asked(), waiting.len(), busy), (2, 18, 12));
    bench.issuer.held.store(false, Ordering::Relaxed);
    for _ in 0..waiting.len() {
        waiting.retain_mut(|one| look(one).is_pending());
    }
    assert!(waiting.is_empty(), "each has had its turn");
    assert_eq!(bench.asked(), 16);
}

#[test]
fn random_tokens_do_not_reach_the_issuer_and_good_ones_go_on() {
    let bench = Bench::new(ANN, &[]);
    assert_eq!(reason(&bench.ask("good", 0)), "authenticated");
    bench.says(200, NOBODY);
    bench.asked();
    let flood = |n: u32, at: u64| {
        let request = request(&format!("Bearer random-{n}"), Some("203.0.113.9"));
        bench.ask_with(&request, at)
    };
    let refused = (0..1000)
        .filter(|n| reason(&flood(*n, 0)) == "token_inactive")
        .count();
    assert_eq!((refused, bench.asked()), (20, 20));
    let Outcome::Unavailable(told) = flood(1000, 0) else {
        panic!("it has to wait");
    };
    assert_eq!(told.reason, UnavailableReason::IntrospectionBusy);
    assert!(told.retry_after >= Duration::from_secs(1));
    assert_eq!(
        reason(&flood(0, 0)),
        "token_inactive",
        "what is known is told all the same"
    );
    assert_eq!(reason(&bench.ask("good", 0)), "authenticated");
    bench.says(200, ANN);
    let other = request("Bearer another-good-one", Some("203.0.113.10"));
    assert_eq!(reason(&bench.ask_with(&other, 0)), "authenticated");
    assert_eq!(
        reason(&flood(1001, 1)),
        "authenticated",
        "a second later there is room again"
    );
}

#[test]
fn an_office_behind_one_address_never_meets_the_limit_with_good_tokens() {
    let bench = Bench::new(ANN, &[]);
    for n in 0..2000 {
        let request = request(&format!("Bearer good-{n}"), Some("203.0.113.9"));
        assert_eq!(reason(&bench.ask_with(&request, 0)), "authenticated");
    }
}

#[test]
fn an_issuer_that_does_not_answer_is_left_alone_for_a_moment_and_nobody_is_at_fault() {
    let bench = Bench::new(ANN, &[]);
    assert_eq!(reason(&bench.ask("known", 0)), "authenticated");
    bench.issuer.reachable.store(false, Ordering::Relaxed);
    bench.asked();
    for n in 0..50 {
        assert_eq!(
            reason(&bench.ask(&format!("t{n}"), 1)),
            "introspection_unreachable"
        );
    }
    assert_eq!(bench.asked(), 1);
    assert_eq!(
        reason(&bench.ask("known", 1)),
        "authenticated",
        "what is known goes on"
    );
    assert_eq!(
        reason(&bench.ask("known", 61)),
        "introspection_unreachable",
        "and not for ever"
    );
    bench.issuer.reachable.store(true, Ordering::Relaxed);
    assert_eq!(reason(&bench.ask("known", 62)), "authenticated");
}

#[test]
fn an_issuer_that_asks_for_time_is_given_it() {
    let bench = Bench::new(ANN, &[]);
    bench.says(429, "");
    let Outcome::Unavailable(told) = bench.ask("t", 0) else {
        panic!("there is no answer");
    };
    assert_eq!(told.retry_after, Duration::from_secs(9));
    bench.says(200, ANN);
    assert_eq!(reason(&bench.ask("t", 8)), "introspection_unreachable");
    assert_eq!(reason(&bench.ask("t", 9)), "authenticated");
    assert_eq!(bench.asked(), 2);
}

#[test]
fn a_client_that_the_issuer_does_not_know_is_the_operators_to_mend() {
    let bench = Bench::new(ANN, &[]);
    bench.says(401, r#"{"error":"invalid_client"}"#);
    let Outcome::Unavailable(told) = bench.ask("t", 0) else {
        panic!("no token was judged");
    };
    assert!(told.detail.contains("invalid_client"), "{}", told.detail);
    bench.says(200, ANN);
    assert_eq!(
        reason(&bench.ask("t", 0)),
        "authenticated",
        "nothing was remembered"
    );
}

/// Polls until there is an answer, as a task of its own; `None` when nobody wakes it.
fn wait<T>(future: &mut BoxFuture<'_, T>) -> Option<T> {
    struct Unpark(std::thread::Thread, AtomicBool);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.1.store(true, Ordering::Release);
            self.0.unpark();
        }
    }
    let told = Arc::new(Unpark(std::thread::current(), AtomicBool::new(true)));
    let waker = Waker::from(Arc::clone(&told));
    // A park may end at once, for a wake that was met already: several in a row have not.
    let mut parked = 0;
    while parked < 5 {
        if told.1.swap(false, Ordering::AcqRel) {
            parked = 0;
            if let Poll::Ready(answer) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Some(answer);
            }
        } else {
            std::thread::park_timeout(Duration::from_secs(5));
            parked += 1;
        }
    }
    None
}

#[test]
fn no_turn_is_lost_however_many_come_and_go_at_once() {
    let none = Some(seconds(0));
    let few = Some(OptionValue::Integer(2));
    let bench = Bench::new(
        ANN,
        &[("cache", none.clone()), ("refused_cache", none), ("at_once", few)],
    );
    bench.issuer.at_once.store(false, Ordering::Relaxed);
    let bench = &bench;
    std::thread::scope(|scope| {
        for thread in 0..8_u32 {
            scope.spawn(move || {
                for turn in 0..2000_u32 {
                    let request = request(&format!("Bearer t{}", (turn * 7 + thread) % 12), None);
                    let mut asked = bench.authenticator.authenticate(&request, now(0));
                    // Every third gives up at once, whether or not somebody waits for the same answer.
                    if turn % 3 == 0 {
                        drop(look(&mut asked));
                        continue;
                    }
                    let outcome = wait(&mut asked).expect("somebody forgot to wake it");
                    assert_eq!(reason(&outcome), "authenticated");
                }
            });
        }
    });
}
