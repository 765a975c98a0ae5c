//! Kinds of rules that are slow for what they look like, each as large as it is asked for.

/// A rule, and the token and request it is worst for.
pub(crate) struct Rule {
    pub(crate) text: String,
    /// The token's claims, as JSON.
    pub(crate) claims: String,
    pub(crate) query: String,
}

/// Rules of one kind.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// How large a rule it makes sense to ask for.
    pub(crate) most: usize,
    pub(crate) rule: fn(usize) -> Rule,
}

/// Text as long as a token or a request target can hold.
const LONG: usize = 11_900;
const LONG_QUERY: usize = 16_000;

const fn kind(name: &'static str, most: usize, rule: fn(usize) -> Rule) -> Kind {
    Kind { name, most, rule }
}

pub(crate) const KINDS: [Kind; 32] = [
    kind("one comparison for each of N groups", 1000, |n| {
        with("principal.groups.exists(g, g == 'none')", groups(n))
    }),
    kind("N comparisons for each of 100 groups", 300, |n| {
        with(
            format!("principal.groups.exists(g, {})", times(n, "||", "g=='x'")),
            groups(100),
        )
    }),
    kind("N orderings for each of 300 numbers", 300, |n| {
        with(
            format!("claims.l.all(x, {})", times(n, "&&", "x<1")),
            numbers(300),
        )
    }),
    kind("N negations for each of 300 numbers", 300, |n| {
        with(
            format!("claims.l.all(x, {})", times(n, "&&", "!(x==1)")),
            numbers(300),
        )
    }),
    kind("N sums for each of 100 numbers", 300, |n| {
        with(
            format!("claims.l.all(x, {})", times(n, "&&", "x-x*x/1%7==0")),
            numbers(100),
        )
    }),
    kind("each of N groups sought among all", 1000, |n| {
        with("principal.groups.all(g, g in claims.groups)", groups(n))
    }),
    kind("each of N numbers sought among all", 1000, |n| {
        with("claims.l.all(x, x==1 || x in claims.l)", numbers(n))
    }),
    kind("1000 groups sought through N times", 300, |n| {
        with(times(n, "||", "'x' in principal.groups"), groups(1000))
    }),
    kind("a constant text searched for each of N groups", 1000, |n| {
        with(
            format!("principal.groups.exists(g, '{}'.contains(g+g))", "g".repeat(3800)),
            groups(n),
        )
    }),
    kind("a claim searched for a 40-byte text N times", 100, |n| {
        with(
            times(n, "||", &format!("claims.t.contains('{}b')", "a".repeat(39))),
            text(LONG),
        )
    }),
    kind("an element searched for a 40-byte text N times", 100, |n| {
        let searches = times(n, "||", &format!("t.contains('{}b')", "a".repeat(39)));
        with(format!("claims.l.exists(t, {searches})"), texts(1, LONG))
    }),
    kind("a query searched for a claim of 4000 bytes N times", 200, |n| {
        let query = "a".repeat(LONG_QUERY);
        let rule = with(
            times(n, "||", "request.query.contains(claims.t)"),
            format!("{{\"t\":\"{}b\"}}", "a".repeat(4000)),
        );
        Rule { query, ..rule }
    }),
    kind("a claim with a name of N bytes, for each of 1000", 3900, |n| {
        with(
            format!("claims.l.exists(x, has(claims.{}))", "a".repeat(n)),
            numbers(1000),
        )
    }),
    kind("an element with a name of N bytes, for each of 1000", 1300, |n| {
        let name = "x".repeat(n);
        with(format!("claims.l.exists({name}, {name}=='')"), numbers(1000))
    }),
    kind("a path of N steps, for each of 100", 28, |n| {
        with(
            format!("claims.l.exists(x, has(claims{}))", ".abc".repeat(n)),
            format!("{{\"l\":{},{}", list(100, |_| "0".to_owned()), nested(n)),
        )
    }),
    kind("lists of 76 compared N times, for each of 76", 300, |n| {
        with(
            format!("claims.l.exists(x, {})", times(n, "||", "x!=x")),
            square(76),
        )
    }),
    kind("a list of N lists of N compared with itself", 76, |n| {
        with("claims.l == claims.l && claims.l == claims.l", square(n))
    }),
    kind("N objects, a member of each", 1000, |n| {
        with("claims.l.exists(o, o.name == 'x')", objects(n))
    }),
    kind("N objects without the member", 1000, |n| {
        with("claims.l.exists(o, o.x == 'x')", objects(n))
    }),
    kind("N objects compared", 1000, |n| {
        with("claims.l == claims.l", objects(n))
    }),
    kind("text doubled N times", 16, |n| {
        with(
            format!("claims.l{}.exists(x, x=='')", ".map(x,x+x)".repeat(n)),
            texts(1, LONG),
        )
    }),
    kind("a list doubled N times", 16, |n| {
        with(
            format!("[claims.l]{}.exists(x, x==[])", ".map(x,x+x)".repeat(n)),
            numbers(100),
        )
    }),
    kind("N numbers mapped, filtered and mapped", 1000, |n| {
        with(
            "claims.l.map(x,x).filter(x,x==0).map(x,x==0,x).size()==1",
            numbers(n),
        )
    }),
    kind("a list of N written out, for each of 10", 1800, |n| {
        with(
            format!("claims.l.exists(x, x in [{}])", times(n, ",", "1")),
            numbers(10),
        )
    }),
    kind("a map of N written out, for each of 10", 600, |n| {
        let pairs = (0..n)
            .map(|number| format!("{number}:1"))
            .collect::<Vec<_>>()
            .join(",");
        with(format!("claims.l.exists(x, 'x' in {{{pairs}}})"), numbers(10))
    }),
    kind("N functions of a long text", 300, |n| {
        let calls = times(n, "||", "size(string(t))+size(t)==1");
        with(format!("claims.l.exists(t, {calls})"), texts(1, LONG))
    }),
    kind("N numbers written and read, for each of 100", 150, |n| {
        let calls = times(n, "||", "double(string(x*1e308))==1.0");
        with(
            format!("claims.l.exists(x, {calls})"),
            format!("{{\"l\":{}}}", list(100, |_| "0.5".to_owned())),
        )
    }),
    kind("N short functions", 300, |n| {
        with(times(n, "||", "''.endsWith('b')"), numbers(1))
    }),
    kind("N claims of 500", 300, |n| {
        let members = (0..500)
            .map(|number| format!("\"c{number}\":{number}"))
            .collect::<Vec<_>>()
            .join(",");
        with(
            (0..n)
                .map(|number| format!("claims.c{number}==-1"))
                .collect::<Vec<_>>()
                .join("||"),
            format!("{{{members}}}"),
        )
    }),
    kind("a pattern whose automaton doubles with N", 40, |n| {
        let rule = with(format!("request.query.matches('[ab]*a[ab]{{{n}}}c')"), numbers(1));
        Rule {
            query: noise(),
            ..rule
        }
    }),
    kind("N patterns with large automata", 16, |n| {
        let rule = with(
            times(n, "||", "request.query.matches('[ab]*a[ab]{12}c')"),
            numbers(1),
        );
        Rule {
            query: noise(),
            ..rule
        }
    }),
    kind("N words of any language", 40, |n| {
        let rule = with(
            format!("request.query.matches('^(\\\\w{{1,{n}}}=)+$')"),
            numbers(1),
        );
        Rule {
            query: noise(),
            ..rule
        }
    }),
];

fn with(text: impl Into<String>, claims: String) -> Rule {
    Rule {
        text: text.into(),
        claims,
        query: String::new(),
    }
}

fn times(count: usize, between: &str, text: &str) -> String {
    vec![text; count].join(between)
}

fn list(count: usize, element: impl Fn(usize) -> String) -> String {
    format!("[{}]", (0..count).map(element).collect::<Vec<_>>().join(","))
}

fn groups(count: usize) -> String {
    format!(
        "{{\"groups\":{}}}",
        list(count, |number| format!("\"g{number}\""))
    )
}

fn numbers(count: usize) -> String {
    format!("{{\"l\":{}}}", list(count, |_| "0".to_owned()))
}

fn text(bytes: usize) -> String {
    format!("{{\"t\":\"{}\"}}", "a".repeat(bytes))
}

fn texts(count: usize, bytes: usize) -> String {
    format!(
        "{{\"l\":{}}}",
        list(count, |_| format!("\"{}\"", "a".repeat(bytes)))
    )
}

fn square(side: usize) -> String {
    format!("{{\"l\":{}}}", list(side, |_| list(side, |_| "0".to_owned())))
}

fn objects(count: usize) -> String {
    format!("{{\"l\":{}}}", list(count, |_| "{\"name\":0}".to_owned()))
}

/// `"abc":{"abc":{…}}` and the end of the object around it.
fn nested(depth: usize) -> String {
    format!(
        "{}0{}",
        "\"abc\":{".repeat(depth - 1) + "\"abc\":",
        "}".repeat(depth)
    )
}

/// Letters a and b without a pattern to them.
fn noise() -> String {
    let mut state = 1_u32;
    let letters = (0..LONG_QUERY).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if state >> 31 == 0 { 'a' } else { 'b' }
    });
    letters.collect()
}
