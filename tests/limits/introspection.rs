//! What tools ask of the schema is answered; what grows with each level is not.

use serde_json::json;

use crate::harness::{Shop, node, on_both};

on_both!(tools_get_the_schema, bombs_of_introspection_are_refused);

async fn tools_get_the_schema(shop: Shop) {
    let printed = node("introspection.mjs", &[&shop.url]).await;
    assert_eq!(printed.trim(), "24 introspections");
}

async fn bombs_of_introspection_are_refused(shop: Shop) {
    let nested = |times: usize| {
        let levels = "fields { type {".repeat(times);
        format!(
            "__schema {{ types {{ {levels} name {} }} }}",
            "} }".repeat(times)
        )
    };
    shop.ask(&format!("{{ {} }}", nested(2))).await;
    let wide = (0..20).map(|it| format!("a{it}: fields {{ type {{ b: fields {{ name }} }} }} "));
    let wide = format!("__schema {{ types {{ {} }} }}", wide.collect::<String>());
    let levels = "ofType {".repeat(70);
    for bomb in [
        format!("{{ {} }}", nested(3)),
        format!("{{ {} }}", nested(12)),
        format!(
            "{{ x: {} ...F }} fragment F on Query {{ {} }}",
            nested(1),
            nested(5)
        ),
        "{ __type(name: \"Query\") { possibleTypes { interfaces { possibleTypes { name } } } } }"
            .to_owned(),
        format!(
            "{{ __type(name: \"Query\") {{ {levels} name {} }} }}",
            "}".repeat(70)
        ),
        format!("{{ {wide} {} }}", wide.replace("__schema", "x: __schema")),
    ] {
        assert_eq!(shop.refusal(&bomb, json!({})).await, "TOO_COSTLY", "{bomb}");
    }
}
