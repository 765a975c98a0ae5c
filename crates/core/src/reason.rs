//! Reason codes: the one word for what happened, the same in the answer, the log, the metrics and the docs.
//!
//! A code that was released is never removed. Each family of failure is an enum here, beside nothing but its codes
//! and their meaning; what goes with a failure (a detail for the log, a scope wanted) lives where it happens.

/// Declares one family: the enum, its `ALL`, and for each variant its code and what it means.
macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal, $meaning:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $(#[doc = $meaning] $(#[$vdoc])* $variant,)+ }

        impl $name {
            /// Every reason of this family, in the order of the docs.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable word.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// What it means, in one sentence for a person.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)+ }
            }
        }
    };
}

reasons! {
    /// The question could not be read: the fault of the proxy in front, or of the client.
    UnreadableReason {
        UntrustedPeer = "untrusted_peer", "The peer that asks is not in `trusted_peers`, so it may not tell us about an original request.";
        HeaderMissing = "header_missing", "A header that tells about the original request is missing.";
        HeaderDoubled = "header_doubled", "A header that must occur once occurs more than once.";
        HeaderMalformed = "header_malformed", "A header that tells about the original request cannot be read.";
        HostMalformed = "host_malformed", "The host is not a host name or address with an optional port.";
        HostMismatch = "host_mismatch", "Two places name the host of this request and do not agree.";
        SchemeUnknown = "scheme_unknown", "The scheme is neither http nor https, or not the one that the request came by.";
        MethodRefused = "method_refused", "The method is CONNECT or TRACE, or not in IANA's registry.";
        MethodOverride = "method_override", "A header asks for another method, and routes differ by method.";
        TargetMalformed = "target_malformed", "The request target is not a path with an optional query.";
        TargetTooLong = "target_too_long", "The request target is longer than 16 KiB.";
        PathByte = "path_byte", "The path holds a control byte, a space, a backslash or a byte outside ASCII.";
        PathEscape = "path_escape", "The path holds a broken percent escape, or one for a control byte.";
        PathFragment = "path_fragment", "The target holds a fragment.";
        PathDotSegment = "path_dot_segment", "The path has a segment that is `.` or `..`, plain or escaped.";
        PathEmptySegment = "path_empty_segment", "The path has an empty segment (`//`).";
        PathEscapedDelimiter = "path_escaped_delimiter", "The path escapes `/`, `\\`, `;`, `%`, `?` or `#`.";
        PathEscapedPlain = "path_escaped_plain", "The path escapes a character that needs no escape.";
        PathParameter = "path_parameter", "A path segment has a `;` parameter.";
        OwnPath = "own_path", "The original request is for the gateway's own pages, which this proxy must not guard.";
        IdentityHeaderForged = "identity_header_forged", "The client sent another spelling of an identity header, or one that nobody here sets.";
        HeadersTooLarge = "headers_too_large", "The request head is larger than the limit.";
        Upgrade = "upgrade_refused", "The request asks for a protocol upgrade, which this listener does not carry yet.";
        Misdirected = "misdirected", "The connection was made for a host that asks clients for other certificates than the host of this request: send it over a connection of its own.";
    }
}

reasons! {
    /// The credential does not hold: the client's fault.
    RejectionReason {
        AuthorizationMalformed = "authorization_malformed", "The Authorization header is not one scheme, one space and one credential.";
        CredentialAmbiguous = "credential_ambiguous", "The same kind of credential was sent in two places.";
        TokenMalformed = "token_malformed", "The token is not a JWS in compact form with strict base64url and strict JSON.";
        TokenTooLarge = "token_too_large", "The token is larger than 16 KiB.";
        TokenEncrypted = "token_encrypted", "The token is encrypted (JWE), which is not accepted here.";
        AlgorithmNone = "algorithm_none", "The token is not signed.";
        AlgorithmUnknown = "algorithm_unknown", "The token names an algorithm that is not known here.";
        AlgorithmNotAllowed = "algorithm_not_allowed", "The algorithm is not in this issuer's list.";
        CriticalHeader = "critical_header", "The token's header holds `crit` or `b64`, which are not accepted here.";
        KeyInHeader = "key_in_header", "The token's header brings or points to its own key.";
        UnknownIssuer = "unknown_issuer", "No issuer of this route claims the token.";
        KeyUnknown = "key_unknown", "The issuer has no usable key with this key id and algorithm.";
        KeyAmbiguous = "key_ambiguous", "More than one key of the issuer fits, and the token does not say which.";
        SignatureInvalid = "signature_invalid", "The signature does not hold.";
        IssuerWrong = "issuer_wrong", "The `iss` claim is not the issuer expected.";
        AudienceWrong = "audience_wrong", "The token is for another audience.";
        ClaimMissing = "claim_missing", "A required claim is missing.";
        ClaimType = "claim_type", "A claim has the wrong JSON type or an impossible value.";
        TokenType = "token_type", "The token is of another type: an ID, refresh or logout token, or the wrong `typ`.";
        TokenExpired = "token_expired", "The token has expired.";
        TokenNotYetValid = "token_not_yet_valid", "The token is not valid yet.";
        TokenIssuedInFuture = "token_issued_in_future", "The token says it was issued in the future.";
        TokenInactive = "token_inactive", "The issuer says that the token is not active: unknown, ended, or taken back.";
        TokenBound = "token_bound", "The token is bound to a proof (`cnf`) that was not shown.";
        CertificateMalformed = "certificate_malformed", "The certificate cannot be read, or not in one way only.";
        CertificateUnknownAuthority = "certificate_unknown_authority", "None of the authorities that are believed here vouches for the certificate.";
        CertificateExpired = "certificate_expired", "The certificate, or one that vouches for it, has expired.";
        CertificateNotYetValid = "certificate_not_yet_valid", "The certificate, or one that vouches for it, is not valid yet.";
        CertificateRevoked = "certificate_revoked", "The certificate, or one that vouches for it, has been revoked.";
        RevocationUnknown = "revocation_unknown", "Whether the certificate was revoked is not known: an authority on its path has no revocation list in force.";
        CertificateDenied = "certificate_denied", "The certificate is in the configuration's list of those that are denied.";
        CertificateUsage = "certificate_usage", "The certificate is not for this use: an authority's own, or without client authentication.";
        CertificateSignature = "certificate_signature", "The certificate's key is not of a kind and length that is accepted, or a signature on its path does not hold, or is made in a way that is not accepted.";
        CertificateChain = "certificate_chain", "The certificate's path breaks a rule that an authority on it sets, or is too long.";
        SvidInvalid = "svid_invalid", "The certificate or token is no SVID: not exactly one SPIFFE ID, or usages that none may have.";
        TrustDomainWrong = "trust_domain_wrong", "The SPIFFE ID is of another trust domain.";
        CertificateSubject = "certificate_subject", "The certificate has not exactly one name of the kind that is its subject here.";
        CertificateSubjectUnfit = "certificate_subject_unfit", "The certificate's subject cannot be told to applications: more than 255 characters, or some that are not ASCII.";
        SubjectMissing = "subject_missing", "The token names no subject.";
        LoginTooOld = "login_too_old", "The login is longer ago than this place allows: log in again.";
        AcrUnmet = "acr_unmet", "The login was not made in a way that this place asks for.";
    }
}

reasons! {
    /// Something the gateway relies on does not answer: nobody's credential is at fault.
    UnavailableReason {
        KeysUnreachable = "keys_unreachable", "The issuer's keys could not be fetched yet.";
        KeysStale = "keys_stale", "The issuer's keys are older than `max_staleness` and could not be fetched again.";
        IntrospectionUnreachable = "introspection_unreachable", "The issuer could not be asked about the token, or its answer cannot be believed.";
        IntrospectionBusy = "introspection_busy", "Too many tokens that nobody knows are being asked about: this one has to wait.";
        AuthoritiesUnreachable = "authorities_unreachable", "The authorities of the trust domain are not known: the Workload API has told none yet.";
        SessionsUnreachable = "sessions_unreachable", "The store of the sessions could not be asked.";
        SessionNotRenewed = "session_not_renewed", "The session has to be renewed at its provider, which cannot be asked just now: it has not ended, and asking again later may do.";
        ProviderKeysUnavailable = "provider_keys_unavailable", "The keys of our own OpenID Provider cannot be had where they are kept, so that nothing is signed.";
        CertificateUnjudged = "certificate_unjudged", "Whether the certificate holds cannot be told just now: a revocation list, or the authorities, are missing.";
        Internal = "internal_error", "A bug: the request was not decided. The log has the details under the request id.";
    }
}

reasons! {
    /// The principal is known and does not meet what the route requires.
    UnmetReason {
        Group = "group_unmet", "The principal is in none of the groups required.";
        Scope = "insufficient_scope", "The token lacks a scope that is required.";
        Subject = "subject_unmet", "The principal is not one of the subjects named.";
        Claim = "claim_unmet", "A claim does not have the value required.";
        EmailDomain = "email_domain_unmet", "The principal has no verified e-mail address in a domain named.";
        Excluded = "excluded", "The principal is named by a `not_…` rule.";
        Condition = "condition_unmet", "The condition (`when`) is not met.";
        ConditionFailed = "condition_failed", "The condition (`when`) could not be worked out for this request, which counts as no.";
    }
}

reasons! {
    /// What else an answer can say.
    AnswerReason {
        Allowed = "allowed", "The request is allowed.";
        Whoami = "whoami", "Who is asking was told, at the gateway's own page.";
        NoCredential = "no_credential", "No credential was presented.";
        NoRoute = "no_route", "No route matches this host, path and method.";
        NoUpstream = "no_upstream", "The route says nothing about where to forward (`to`).";
        OverTls = "over_tls", "This is asked for over TLS; the answer says where.";
        NotFound = "not_found", "There is no such page here.";
        MethodNotAllowed = "method_not_allowed", "This page is asked for with another method; `Allow` says which.";
        CertificateRequired = "certificate_required", "This place asks for a client certificate, and none was shown.";
        RefusedByProxy = "refused_by_proxy", "The gateway allows this request; the proxy in front refused it.";
        DecidedAnew = "decided_anew", "Asked again, the gateway allows this request: try once more.";
        IdentityTooLarge = "identity_too_large", "The identity does not fit into the answer's headers.";
        UpstreamUnreachable = "upstream_unreachable", "The application could not be reached.";
        UpstreamTimeout = "upstream_timeout", "The application did not answer in time.";
        UpstreamBroken = "upstream_broken", "The application's answer is not HTTP.";
        RequestBroken = "request_broken", "The request's body broke off, or stood still for too long.";
        TooManyRequests = "too_many_requests", "More came from this address than is answered at once: ask again later.";
        Busy = "busy", "The gateway has reached its connection limit.";
    }
}

reasons! {
    /// What became of a browser's errand at one of the gateway's own pages: logging in and out, and what is told of it.
    ErrandReason {
        LoginStarted = "login_started", "The browser was sent to the provider, to log in there.";
        LoginChoice = "login_choice", "There is more than one way to log in: choose one.";
        LoggedIn = "logged_in", "Somebody has logged in.";
        LoginReturn = "login_return", "The browser came back from the provider with nothing new: it goes on to where it was going.";
        LoginDeclined = "login_declined", "The provider did not let you in here, or you declined.";
        SiteDenied = "site_denied", "The provider does not let whoever has this certificate in at this site.";
        LoginLost = "login_lost", "The browser came back from the provider without what it left with. Does it keep cookies?";
        ProviderUnavailable = "provider_unavailable", "The provider that people log in at cannot be reached, or cannot answer just now.";
        ProviderAnswer = "provider_answer", "The provider that people log in at gave an answer that cannot be believed.";
        CookiesOverHttp = "cookies_over_http", "People log in over https only: on the way, others could take over their sessions.";
        LoginPort = "login_port", "Nobody logs in at this port of the host: its sessions are at another.";
        SessionsFull = "sessions_full", "There is no room for another session just now.";
        SessionTooLarge = "session_too_large", "What the provider says of you does not fit into a session that is kept in its cookie.";
        LoggedOut = "logged_out", "The session has ended.";
        LogoutConfirm = "logout_confirm", "The link to log out was on another site: is the session to end?";
        LogoutElsewhere = "logout_elsewhere", "The browser was sent to our OpenID Provider's own host, to log out there.";
        LogoutFailed = "logout_failed", "You are still logged in: the session could not be ended, for the store of the sessions does not answer. Try again in a moment.";
        LogoutRefused = "logout_refused", "What the provider told of a logout does not hold.";
        LogoutNotYet = "logout_not_yet", "What the provider told of a logout cannot be done just now: it is to be told again.";
        KeysShown = "keys_shown", "The public keys by which the gateway proves itself were told.";
        SessionShown = "session_shown", "The state of the session was told.";
        FromElsewhere = "from_elsewhere", "Only a page of this very host may ask for this.";
        ProviderShown = "provider_shown", "What our own OpenID Provider says of itself was told.";
        AuthorizationAnswered = "authorization_answered", "The browser takes our OpenID Provider's answer to the application that asked.";
        LoginClick = "login_click", "An application asks our OpenID Provider who you are: it is told when you say so.";
        ClientUnknown = "client_unknown", "A site or application that our OpenID Provider does not know asked it for a login.";
        AuthorizationRefused = "authorization_refused", "The application asked our OpenID Provider for a login in a way that cannot be answered.";
        TokensGiven = "tokens_given", "An application got tokens from our OpenID Provider.";
        MachineTokenGiven = "machine_token_given", "A device or service got an access token for itself from our OpenID Provider.";
        TokensRefused = "tokens_refused", "An application got no tokens from our OpenID Provider; the answer says why.";
        UserinfoGiven = "userinfo_given", "An application was told whom its access token is about.";
        UserinfoRefused = "userinfo_refused", "The access token does not hold at our OpenID Provider.";
    }
}

/// Every reason there is, family by family: the word and its meaning.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let answers = AnswerReason::ALL
        .iter()
        .map(|reason| ("answer", reason.code(), reason.meaning()));
    let errands = ErrandReason::ALL
        .iter()
        .map(|reason| ("errand", reason.code(), reason.meaning()));
    let unreadable = UnreadableReason::ALL
        .iter()
        .map(|reason| ("unreadable", reason.code(), reason.meaning()));
    let rejections = RejectionReason::ALL
        .iter()
        .map(|reason| ("rejection", reason.code(), reason.meaning()));
    let unavailable = UnavailableReason::ALL
        .iter()
        .map(|reason| ("unavailable", reason.code(), reason.meaning()));
    let unmet = UnmetReason::ALL
        .iter()
        .map(|reason| ("unmet", reason.code(), reason.meaning()));
    answers
        .chain(errands)
        .chain(unreadable)
        .chain(rejections)
        .chain(unavailable)
        .chain(unmet)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn every_code_is_its_own_and_in_snake_case() {
        let codes = super::all().map(|(_, code, _)| code).collect::<Vec<_>>();
        assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len());
        for code in codes {
            assert!(
                code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
                "{code}"
            );
        }
    }
}
