//! Values within a realm, and between ports.

use crate::extension::harness::EVERY_KIND;
use crate::extension::harness::run;

#[test]
fn what_the_standard_lets_be_cloned_is_and_nothing_else() {
  for kind in EVERY_KIND {
    let ended = run(
      kind,
      "https://app.test/script.js",
      include_str!("structured_clone.js"),
    );
    assert_eq!(ended.lines, ["done"], "{kind:?}");
    assert_eq!(ended.errors, [""; 0], "{kind:?}");
  }
}

#[test]
fn a_message_that_is_not_read_keeps_no_bytes() {
  let ended = run(
    EVERY_KIND[0],
    "https://app.test/",
    r#"
    const { port1, port2 } = new MessageChannel();
    for (const what of [() => {}, Symbol()]) {
      try {
        port1.postMessage([new Blob(["lost"]), what]);
      } catch (error) {
        console.log(error.name);
      }
    }
    port1.postMessage(new Blob(["never read"]));
    port1.close();
    port2.close();
    "#,
  );
  assert_eq!(ended.lines, ["DataCloneError", "DataCloneError"]);
  assert_eq!(ended.errors, [""; 0]);
}
