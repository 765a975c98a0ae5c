//! What later requests use of earlier answers: `catch=one`, and then `<one.code>`.

use super::expect::Observed;
use std::collections::BTreeMap;
use url::Url;

/// Values of answers, by `NAME.PARAMETER`.
#[derive(Clone, Debug, Default)]
pub(super) struct Caught(BTreeMap<String, String>);

impl Caught {
    /// Keeps, as `NAME.…`, the parameters of the Location's query, the hidden fields of a page and, as `link`, where its button leads,
    /// and the texts of a JSON body.
    pub(super) fn keep(&mut self, name: &str, observed: &Observed) -> Result<(), String> {
        let body = String::from_utf8_lossy(&observed.body);
        let values = [
            in_location(observed),
            in_fields(&body),
            in_button(&body),
            in_json(&body),
        ]
        .concat();
        if values.is_empty() {
            return Err(format!(
                "nothing to catch as `{name}`: no parameter in a Location, no hidden field, no JSON"
            ));
        }
        let values = values.into_iter();
        self.0
            .extend(values.map(|(parameter, value)| (format!("{name}.{parameter}"), value)));
        Ok(())
    }

    /// `text` with the values in their places.
    pub(super) fn fill_in(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (place, value)| {
            text.replace(&format!("<{place}>"), value)
        })
    }

    /// What may stand in no log: codes and tokens.
    pub(super) fn secrets(&self) -> Vec<String> {
        let secret = |place: &str| {
            let parameter = place.rsplit('.').next().unwrap_or("");
            parameter == "code" || parameter.ends_with("_token")
        };
        let secrets = self.0.iter().filter(|(place, _)| secret(place));
        secrets.map(|(_, value)| value.clone()).collect()
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

fn in_location(observed: &Observed) -> Vec<(String, String)> {
    let lines = observed.headers.iter().filter(|(name, _)| name == "location");
    let urls = lines.filter_map(|(_, line)| {
        let base = Url::parse("https://nowhere.test").ok()?;
        base.join(std::str::from_utf8(line).ok()?).ok()
    });
    urls.flat_map(|url| url.query_pairs().into_owned().collect::<Vec<_>>())
        .collect()
}

/// The hidden fields, as our templates write them.
fn in_fields(body: &str) -> Vec<(String, String)> {
    let fields = body.split("<input type=\"hidden\" name=\"").skip(1);
    let field = |text: &str| {
        let (name, rest) = text.split_once("\" value=\"")?;
        let (value, _) = rest.split_once('"')?;
        Some((unescaped(name), unescaped(value)))
    };
    fields.filter_map(field).collect()
}

/// Where the page's first button leads, if it is a link.
fn in_button(body: &str) -> Vec<(String, String)> {
    let rest = body.split_once("class=\"deed first\" href=\"");
    let link = rest.and_then(|(_, rest)| rest.split_once('"'));
    let link = link.map(|(link, _)| ("link".to_owned(), unescaped(link)));
    link.into_iter().collect()
}

fn in_json(body: &str) -> Vec<(String, String)> {
    let members = serde_json::from_str::<serde_json::Map<_, _>>(body).unwrap_or_default();
    let texts = members.into_iter().filter_map(|(name, value)| {
        let text = value.as_str()?.to_owned();
        Some((name, text))
    });
    texts.collect()
}

fn unescaped(text: &str) -> String {
    let known = [
        ("&#x2f;", "/"),
        ("&#x27;", "'"),
        ("&quot;", "\""),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ];
    known.into_iter().fold(text.to_owned(), |text, (escaped, plain)| {
        text.replace(escaped, plain)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caught(observed: &Observed) -> Caught {
        let mut caught = Caught::default();
        caught.keep("one", observed).unwrap();
        caught
    }

    #[test]
    fn a_code_is_caught_from_a_location_a_page_and_a_document() {
        let sent = Observed {
            headers: vec![(
                "location".into(),
                b"https://app.test/back?code=a-1&state=x%20y".to_vec(),
            )],
            ..Observed::default()
        };
        assert_eq!(
            caught(&sent).fill_in("code=<one.code>&<one.state>&<two.code>"),
            "code=a-1&x y&<two.code>"
        );
        let page = "<form><input type=\"hidden\" name=\"code\" value=\"a&#x2f;1\">\n<button>";
        let page = Observed {
            body: page.into(),
            ..Observed::default()
        };
        assert_eq!(caught(&page).fill_in("<one.code>"), "a/1");
        let button = "<a class=\"deed first\" href=\"/a?b&amp;c\">Go</a>";
        let button = Observed {
            body: button.into(),
            ..Observed::default()
        };
        assert_eq!(caught(&button).fill_in("<one.link>"), "/a?b&c");
        let document = Observed {
            body: b"{\"access_token\":\"t\",\"expires_in\":300}".to_vec(),
            ..Observed::default()
        };
        let document = caught(&document);
        assert_eq!(
            document.fill_in("<one.access_token> <one.expires_in>"),
            "t <one.expires_in>"
        );
        assert_eq!(document.secrets(), ["t"]);
        let nothing = Caught::default().keep("one", &Observed::default());
        assert!(nothing.is_err());
    }
}
