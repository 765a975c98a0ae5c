//! The configuration is changed while requests run, and none of them fails.

use crate::fronts::{Front, Kind, read};
use crate::http::Request;
use crate::issuer::{API, Issuer};
use crate::process::until;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// How often the configuration is changed under load.
const RELOADS: u32 = 3;

fn check(kind: Kind) {
    let issuer = Issuer::shared();
    let front = Front::start(kind, issuer);
    let ann = issuer.token("ann", API);
    let status = |path: &str| {
        front
            .send(&Request::get(path, "app.test").bearer(Some(&ann)))
            .status
    };
    let configuration = front.folder.0.join(kind.configuration());
    let first = read(&configuration);
    let (stop, served) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|scope| {
        let load = || {
            while !stop.load(Ordering::Relaxed) {
                assert_eq!(status("/page"), 200, "{kind:?}: a request failed under reload");
                served.fetch_add(1, Ordering::Relaxed);
            }
        };
        let workers = [(); 3].map(|()| scope.spawn(load));
        // Whatever happens here, the workers are told to stop.
        let changed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for number in 1..=RELOADS {
                let path = format!("/closed-{number}");
                assert_eq!(status(&path), 200, "{kind:?}");
                let route = format!(
                    "\n[[route]]\nhosts = [\"app.test\"]\npaths = [\"{path}\"]\naccept = [\"token.services\"]\nrequire = {{ groups = [\"nobody\"] }}\n"
                );
                std::fs::write(&configuration, format!("{first}{route}")).unwrap();
                front.gateway().signal("HUP");
                until("the new configuration is in force", || status(&path) == 403);
            }
        }));
        stop.store(true, Ordering::Relaxed);
        for worker in workers {
            worker.join().unwrap();
        }
        changed.unwrap();
    });
    assert!(
        served.load(Ordering::Relaxed) > RELOADS,
        "{kind:?}: there was no load"
    );
}

#[test]
fn behind_nginx_no_request_fails_while_the_configuration_changes() {
    check(Kind::Nginx);
}

#[test]
fn behind_nginx_over_a_unix_socket_no_request_fails_while_the_configuration_changes() {
    check(Kind::NginxUnix);
}

#[test]
fn behind_caddy_no_request_fails_while_the_configuration_changes() {
    check(Kind::Caddy);
}

#[test]
fn behind_traefik_no_request_fails_while_the_configuration_changes() {
    check(Kind::Traefik);
}

#[test]
fn through_the_gateway_alone_no_request_fails_while_the_configuration_changes() {
    check(Kind::Standalone);
}

#[test]
fn a_bad_configuration_leaves_the_last_good_one_in_force() {
    let issuer = Issuer::shared();
    let front = Front::start(Kind::Nginx, issuer);
    let ann = issuer.token("ann", API);
    let status = |path: &str| {
        front
            .send(&Request::get(path, "app.test").bearer(Some(&ann)))
            .status
    };
    assert_eq!(status("/page"), 200);
    let configuration = front.folder.0.join(Kind::Nginx.configuration());
    let good = read(&configuration);
    let faulty = good.replace("accept = [\"token.services\"]", "accept = [\"token.servicse\"]");
    std::fs::write(&configuration, faulty).unwrap();
    front.gateway().signal("HUP");
    until("the fault is told", || {
        front.gateway().written().contains("token.servicse")
    });
    assert_eq!(status("/page"), 200);
    assert_eq!(front.send(&Request::get("/page", "app.test")).status, 401);
}
