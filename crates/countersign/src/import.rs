//! Other programs' configurations, in ours. So far jwtauthrequest's JSON.

pub mod jwtauthrequest;
