//! `docs/migrate/nginx-mtls.md`: each line that it gives for an old one stands in the example, and what it says may stay
//! does.

use super::site::{ANN, Kind, Site};
use crate::fronts::{change, read};
use crate::login::migrated::{found_in, rows};
use crate::process::repository;

const PAGE: &str = "docs/migrate/nginx-mtls.md";

#[test]
fn every_new_line_of_the_page_for_those_who_come_from_njs_is_in_the_example() {
    let wanted = ["nginx", "Headers for the application"].map(|heading| rows(PAGE, heading));
    let found = found_in(
        "examples/nginx/certificates",
        wanted.into_iter().flatten().flatten(),
    );
    assert!(found >= 20, "{found}");
}

/// The sizes and times of the prototype, in the guarded location.
#[test]
fn sizes_and_times_stay_as_they_are() {
    let page = read(&repository().join(PAGE));
    let block = page
        .split("```nginx\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    assert!(block.contains("client_max_body_size 100m;"));
    let site = Site::start_edited(Kind::Nginx, |folder| {
        let own = "        proxy_set_header X-Real-IP ";
        change(&folder.0.join("app.conf"), own, &format!("{block}{own}"));
        folder.write("body", vec![b'a'; 3 << 20]);
    });
    let upload = ["--data-binary", "@body", "-H", "Expect:"];
    assert_eq!(site.get("/page", Some(ANN), &upload).status, 200);
    assert_eq!(site.seen().body, 3 << 20);
    assert_eq!(site.get("/page", None, &upload).status, 403);
    assert!(site.upstream.take().is_empty());
}
