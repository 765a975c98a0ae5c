//! The scopes that mean something here (OpenID Connect Core section 5.4).

/// A scope beside `openid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// `email`
    Email,
    /// `profile`
    Profile,
    /// `groups`
    Groups,
    /// `offline_access` (OpenID Connect Core section 11)
    OfflineAccess,
}

impl Scope {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Email, Self::Profile, Self::Groups, Self::OfflineAccess];

    /// The registered name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Profile => "profile",
            Self::Groups => "groups",
            Self::OfflineAccess => "offline_access",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// What a client asked for, of what we know, beside `openid`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// These.
    pub fn of(scopes: &[Scope]) -> Self {
        Self(scopes.iter().fold(0, |bits, scope| bits | scope.bit()))
    }

    /// Reads `scope`; `None` without `openid`. What is not known is left out (OpenID Connect Core section 3.1.2.1).
    pub fn read(text: &str) -> Option<Self> {
        let has = |wanted: &str| text.split(' ').any(|scope| scope == wanted);
        let known = Scope::ALL.into_iter().filter(|scope| has(scope.name()));
        has("openid").then(|| Self::of(&known.collect::<Vec<_>>()))
    }

    /// Whether `scope` is among them.
    pub const fn holds(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// These without that one.
    #[must_use]
    pub const fn without(self, scope: Scope) -> Self {
        Self(self.0 & !scope.bit())
    }

    /// Whether all of them are among `others`.
    pub const fn are_within(self, others: Self) -> bool {
        self.0 & !others.0 == 0
    }

    /// As they are told to a client.
    pub fn text(self) -> String {
        let known = Scope::ALL.into_iter().filter(|scope| self.holds(*scope));
        let names = std::iter::once("openid").chain(known.map(Scope::name));
        names.collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_left_out() {
        let scopes = Scopes::read("telephone groups openid email").unwrap();
        assert_eq!(scopes, Scopes::of(&[Scope::Email, Scope::Groups]));
        assert_eq!(scopes.text(), "openid email groups");
        assert!(scopes.holds(Scope::Email) && !scopes.holds(Scope::OfflineAccess));
        let fewer = scopes.without(Scope::Email).without(Scope::Profile);
        assert_eq!(fewer, Scopes::of(&[Scope::Groups]));
        assert!(fewer.are_within(scopes) && !scopes.are_within(fewer));
        for without in ["", "email", "OpenID", "openid\u{a0}email", "openidx"] {
            assert_eq!(Scopes::read(without), None, "{without}");
        }
    }
}
