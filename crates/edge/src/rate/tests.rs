//! Who is counted with whom, and that buckets stay few.

use super::*;
use countersign_core::time::{Monotonic, Timestamp};
use std::net::{Ipv4Addr, Ipv6Addr};

fn at(milliseconds: u64) -> Now {
    Now {
        wall: Timestamp::from_seconds(0),
        monotonic: Monotonic::from_milliseconds(milliseconds),
    }
}

fn rates(address_rate: u32, address_burst: u32, total_rate: u32) -> Rates {
    let number = |number| NonZeroU32::new(number).unwrap();
    Rates::new(RateLimits {
        address_rate: number(address_rate),
        address_burst: number(address_burst),
        total_rate: number(total_rate),
    })
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn an_office_of_200_behind_one_address_opens_20_tabs_each_at_once() {
    let rates = Rates::default();
    for _ in 0..200 * 20 {
        assert_eq!(
            rates.allow(Endpoint::Login, Some(address("192.0.2.1")), at(5)),
            Ok(())
        );
        assert_eq!(
            rates.allow(Endpoint::Callback, Some(address("192.0.2.1")), at(5)),
            Ok(())
        );
    }
}

#[test]
fn a_flood_of_one_address_is_told_when_to_come_again_and_costs_nobody_else() {
    let rates = rates(2, 3, 1000);
    let flood = || rates.allow(Endpoint::Login, Some(address("192.0.2.1")), at(1000));
    assert_eq!([flood(), flood(), flood()], [Ok(()); 3]);
    let told = flood().unwrap_err();
    assert_eq!((told.0, told.seconds()), (Duration::from_millis(500), 1));
    assert_eq!(
        rates.allow(Endpoint::Login, Some(address("192.0.2.2")), at(1000)),
        Ok(())
    );
    assert_eq!(
        rates.allow(Endpoint::Logout, Some(address("192.0.2.1")), at(1000)),
        Ok(())
    );
    let later = |now| rates.allow(Endpoint::Login, Some(address("192.0.2.1")), at(now));
    assert_eq!(later(1500), Ok(()));
    assert!(later(1500).is_err());
    // A clock that was read earlier turns nothing back.
    assert!(later(3).is_err());
}

#[test]
fn addresses_of_ipv6_count_by_64_and_mapped_ones_as_ipv4() {
    let rates = rates(1, 1, 1000);
    let ask = |text: &str| rates.allow(Endpoint::Login, Some(address(text)), at(0)).is_ok();
    assert!(ask("2001:db8::1") && !ask("2001:db8::ffff:2") && ask("2001:db8:0:1::1"));
    assert!(ask("192.0.2.1") && !ask("::ffff:192.0.2.1"));
    assert!(ask("::1"));
}

#[test]
fn without_an_address_only_the_limit_of_all_together_holds() {
    let rates = rates(1, 1, 5);
    let passed = (0..100).filter(|_| rates.allow(Endpoint::Login, None, at(0)).is_ok());
    assert_eq!(passed.count(), 50);
    assert_eq!(rates.keys(), 0);
    assert!(
        rates
            .allow(Endpoint::Login, Some(address("192.0.2.1")), at(0))
            .is_err()
    );
    assert!(rates.allow(Endpoint::Login, None, at(1000)).is_ok());
}

#[test]
fn there_are_never_more_than_100_000_buckets_and_the_limit_holds_for_those_without_one() {
    let rates = rates(1, 2, 1_000_000);
    for number in 0..200_000_u32 {
        let client = Some(IpAddr::V4(Ipv4Addr::from_bits(number)));
        let _: Result<(), RetryAfter> = rates.allow(Endpoint::Login, client, at(0));
    }
    assert!(rates.keys() <= MAX_KEYS, "{}", rates.keys());
    assert!(rates.keys() > MAX_KEYS - 5000, "{}", rates.keys());
    let late = || rates.allow(Endpoint::Login, Some(address("2001:db8::1")), at(0));
    let passed = (0..10).filter(|_| late().is_ok()).count();
    assert!(passed <= 2, "{passed}");
    // Whoever asked long enough ago is forgotten.
    let client = Some(IpAddr::V6(Ipv6Addr::LOCALHOST));
    assert_eq!(rates.allow(Endpoint::Login, client, at(5_000)), Ok(()));
    assert!(rates.keys() < 10, "{}", rates.keys());
}

#[test]
fn what_proves_somebody_counts_as_theirs_and_not_as_their_addresss() {
    let rates = rates(1, 3, 1000);
    let client = Some(address("192.0.2.1"));
    let ask = |whose: Option<&str>| {
        let allowed = rates.allow(Endpoint::Callback, client, at(0));
        if let (Ok(()), Some(whose)) = (allowed, whose) {
            rates.proved(Endpoint::Callback, client, whose);
        }
        allowed.is_ok()
    };
    for number in 0..100 {
        assert!(ask(Some(&number.to_string())), "{number}");
    }
    assert!(ask(None) && ask(None), "what fails keeps counting");
    assert!(ask(Some("ann")) && ask(Some("ann")) && ask(Some("ann")));
    assert!(ask(Some("ann")), "and so does what one asks too often");
    assert!(!ask(Some("bob")));
    // At other endpoints nothing was put in that was not taken out.
    let elsewhere = || rates.allow(Endpoint::Login, client, at(0)).is_ok();
    rates.proved(Endpoint::Login, client, "carol");
    assert_eq!(
        [elsewhere(), elsewhere(), elsewhere(), elsewhere()],
        [true, true, true, false]
    );
}

#[test]
fn what_proves_somebody_counts_among_all() {
    let rates = rates(1, 1, 1);
    let client = Some(address("192.0.2.1"));
    let ask = |whose: &str| {
        let allowed = rates.allow(Endpoint::Callback, client, at(0)).is_ok();
        rates.proved(Endpoint::Callback, client, whose);
        allowed
    };
    let passed = (0..100).filter(|number| ask(&number.to_string()));
    assert_eq!(passed.count(), 10);
}

#[test]
fn twenty_certificates_behind_one_address_leave_others_what_they_need() {
    let rates = Rates::default();
    let ask = |client: IpAddr, whose: &str, now: u64| {
        let allowed = rates.allow(Endpoint::Callback, Some(client), at(now));
        if allowed.is_ok() {
            rates.proved(Endpoint::Callback, Some(client), whose);
        }
        allowed
    };
    let few = address("192.0.2.1");
    let mut taken = vec![0; 20];
    for tick in 0..600 {
        let now = tick * 100;
        for (number, taken) in taken.iter_mut().enumerate() {
            while ask(few, &number.to_string(), now).is_ok() {
                *taken += 1;
            }
        }
        // A thousand a second, each once and from elsewhere.
        for number in 0..100_u32 {
            let number = u32::try_from(tick).unwrap() * 100 + number;
            let client = IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + number));
            assert_eq!(ask(client, &format!("other-{number}"), now), Ok(()), "{now} ms");
        }
    }
    let (own, addresss) = (10 * 40 + 60 * 40, 4000 + 60 * 40);
    assert!(taken.iter().sum::<u32>() <= 20 * own + addresss, "{taken:?}");
    assert!(taken.iter().all(|taken| *taken <= own + addresss), "{taken:?}");
}

#[test]
fn retry_after_is_in_whole_seconds_and_never_zero() {
    for (milliseconds, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (60_000, 60)] {
        assert_eq!(RetryAfter(Duration::from_millis(milliseconds)).seconds(), seconds);
    }
}
