//! Pages of the operator's own, as they are served, changed and mistaken.

use super::gateway::{Client, Folder, Gateway};

/// Whatever is asked for, there is nothing.
const OWN: &str = "config = 1\n\n[[listen]]\naddress = \"127.0.0.1:0\"\nspeak = \"reverse-proxy\"\n\n\
                   [[route]]\nhosts = [\"app.test\"]\naccept = \"anonymous\"\nto = \"http://127.0.0.1:9\"\n\n\
                   [pages]\nfolder = \"own\"\n";

fn title(client: &mut Client) -> String {
    client.send("/nothing", "Accept: text/html\r\n");
    let (status, body) = client.answer().unwrap();
    assert_eq!(status, 404);
    let after = body.split("<h1>").nth(1).unwrap();
    after.split("</h1>").next().unwrap().to_owned()
}

fn texts(title: &str) -> String {
    format!("{{ \"refused\": {{ \"missing\": {{ \"title\": \"{title}\" }} }} }}")
}

#[test]
fn own_pages_are_served_and_taken_anew_when_a_file_changes_but_not_with_a_mistake() {
    let folder = Folder::new();
    std::fs::create_dir(folder.0.join("own")).unwrap();
    folder.write("own/texts.json", texts("Nichts da"));
    let config = folder.write("a.toml", OWN);
    let mut gateway = Gateway::start(&folder, &config);
    let mut client = Client::tcp(gateway.listening());
    assert_eq!(title(&mut client), "Nichts da");
    folder.write("own/texts.json", texts("Rien ici"));
    gateway.line("configuration 1 is in force");
    assert_eq!(title(&mut client), "Rien ici");
    // A file that was not there before is noticed, too.
    folder.write("own/refused.html", "{{ page.nothing }}");
    let told = gateway.line("refused.html:1");
    assert!(told.contains("undefined value"), "{told}");
    gateway.line("reload_refused");
    assert_eq!(title(&mut client), "Rien ici");
    folder.write("own/refused.html", "<h1>{{ text.refused[kind].title }}!</h1>");
    gateway.line("configuration 2 is in force");
    assert_eq!(title(&mut client), "Rien ici!");
}

#[test]
fn a_file_that_is_no_template_is_told() {
    let folder = Folder::new();
    std::fs::create_dir(folder.0.join("own")).unwrap();
    folder.write("own/texts.json", texts("Nichts da"));
    folder.write("own/singin.html", "");
    let config = folder.write("a.toml", OWN);
    let mut gateway = Gateway::start(&folder, &config);
    let told = gateway.line("own/singin.html");
    assert!(told.contains("is no template of these pages"), "{told}");
}
