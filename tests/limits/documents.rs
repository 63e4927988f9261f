//! Documents that are made to be deep, long or wide: for the tests here, and for a benchmark.

use std::fmt::Write;

pub(super) const MANY: usize = 100_000;

pub(super) fn each(count: usize, one: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut all, number| {
        let _ = write!(all, "{} ", one(number));
        all
    })
}

pub(super) fn times(count: usize, one: &str) -> String {
    one.repeat(count)
}

/// Those that are refused: what each is, and the text.
#[expect(clippy::too_many_lines, reason = "it is a list")]
pub(super) fn documents() -> Vec<(&'static str, String)> {
    let around = |open: &str, inside: &str, close: &str| {
        format!("{}{inside}{}", times(MANY, open), times(MANY, close))
    };
    let mut documents = vec![
        ("sets", times(MANY, "{")),
        ("lists", times(MANY, "[")),
        ("parentheses", times(MANY, "(")),
        ("fields", around("{a", "", "}")),
        (
            "real fields",
            format!(
                "{{ customer(id: 1) {} }}",
                around("{ tickets { nodes { customer ", "{ id }", "} } }")
            ),
        ),
        ("inline fragments", around("{ ...", "{ __typename }", "}")),
        (
            "lists in an argument",
            format!("{{ a(b: {}) }}", around("[", "", "]")),
        ),
        (
            "objects in an argument",
            format!(
                "{{ tickets(where: {}) {{ totalCount }} }}",
                around("{ not: ", "{}", "}")
            ),
        ),
        (
            "lists without an end",
            format!("{{ a(b: {}", times(MANY, "[")),
        ),
        (
            "a variable's type",
            format!("query($a: {}) {{ a }}", around("[", "Int", "]")),
        ),
        (
            "a variable's default",
            format!("query($a: Int = {}) {{ a }}", around("[", "1", "]")),
        ),
        (
            "a directive's argument",
            format!("{{ a @skip(if: {}) }}", around("[", "1", "]")),
        ),
        ("behind a comment", format!("# \\\n{}", times(MANY, "{a"))),
        (
            "behind a string that only looks like one",
            format!("{{ a(b: \"\"\"\\\\\"\"\" \"\"\"\") {}", times(MANY, "[")),
        ),
        ("quotes", times(MANY, "\"")),
        ("block strings", times(MANY, "\"\"\"")),
        (
            "a string",
            format!("{{ ticket(id: \"{}", times(9 * MANY, "x")),
        ),
        ("a name", format!("{{ {} }}", times(9 * MANY, "x"))),
        (
            "an argument's name",
            format!("{{ ticket({}: 1) {{ id }} }}", times(9 * MANY, "x")),
        ),
        (
            "a number",
            format!(
                "{{ tickets(first: {}) {{ totalCount }} }}",
                times(9 * MANY, "9")
            ),
        ),
        ("comments", times(MANY, "#\n")),
        ("commas", times(9 * MANY, ",")),
        ("byte order marks", times(2 * MANY, "\u{feff}")),
        ("nulls", times(MANY, "\0")),
        ("dots", times(3 * MANY, ".")),
        (
            "exclamation marks",
            format!("query($a: Int{}) {{ a }}", times(MANY, "!")),
        ),
        (
            "fields side by side",
            format!("{{ {} }}", times(MANY, "__typename ")),
        ),
        (
            "aliases",
            format!("{{ {} }}", each(1_000, |it| format!("a{it}: __typename"))),
        ),
        (
            "aliases, too many to count",
            format!("{{ {} }}", each(50_000, |it| format!("a{it}: __typename"))),
        ),
        (
            "fields twice",
            format!("{{ {} }}", times(500, "__typename ")),
        ),
        (
            "directives",
            format!("{{ __typename {} }}", times(1_000, "@aa ")),
        ),
        (
            "some directives",
            format!("{{ __typename {} }}", times(10, "@aa")),
        ),
        (
            "operations",
            each(9_000, |it| format!("query A{it} {{ __typename }}")),
        ),
        (
            "fragments",
            each(MANY / 10, |it| {
                format!("fragment F{it} on Query {{ ...F{} }}", it + 1)
            }),
        ),
        (
            "a chain of fragments",
            format!(
                "{{ ...F0 }} {}",
                each(1_400, |it| format!(
                    "fragment F{it} on Query {{ ...F{} }}",
                    it + 1
                ))
            ),
        ),
        (
            "fragments that double",
            format!(
                "{{ ...F0 }} {} fragment F30 on Query {{ __typename }}",
                each(30, |it| format!(
                    "fragment F{it} on Query {{ ...F{0} ...F{0} }}",
                    it + 1
                ))
            ),
        ),
        (
            "a circle of fragments",
            "{ ...A } fragment A on Query { ...B ...B } fragment B on Query { ...A ...A }"
                .to_owned(),
        ),
        (
            "spreads",
            format!(
                "{{ {} }} fragment F on Query {{ {} }}",
                times(300, "...F "),
                times(300, "__typename ")
            ),
        ),
        (
            "variables",
            format!(
                "query({}) {{ __typename }}",
                each(3_000, |it| format!("$a{it}: Int"))
            ),
        ),
        (
            "variables twice",
            format!("query({}) {{ __typename }}", times(3_000, "$a: Int ")),
        ),
        (
            "arguments",
            format!(
                "{{ tickets({}) {{ totalCount }} }}",
                each(3_000, |it| format!("a{it}: 1"))
            ),
        ),
        (
            "arguments twice",
            format!(
                "{{ tickets({}) {{ totalCount }} }}",
                times(3_000, "first: 1 ")
            ),
        ),
        (
            "fields of an input",
            format!(
                "{{ tickets(where: {{ {} }}) {{ totalCount }} }}",
                each(3_000, |it| format!("a{it}: 1"))
            ),
        ),
        (
            "what is not there",
            format!("{{ viewer {{ {} }} }}", each(4_000, |it| format!("a{it}"))),
        ),
        (
            "subscriptions",
            format!(
                "subscription {{ {} }}",
                each(40, |it| format!("a{it}: ticketChanged {{ id }}"))
            ),
        ),
    ];
    // Fields of one key are compared with each other: 4,000 of them would be 8,000,000 pairs.
    let conflicts = each(600, |it| {
        format!("... on Ticket {{ tickets{} : customer {{ id }} }}", it % 40)
    });
    documents.push((
        "fields to merge",
        format!("{{ node(id: 1) {{ {conflicts} }} }}"),
    ));
    documents
}

/// Those that are allowed, as many of each as there may be.
pub(super) fn wide() -> Vec<String> {
    vec![
        format!("{{ viewer {{ {} }} }}", times(4_900, "role ")),
        format!("{{ ticket(id: 1) {{ {} }} }}", times(1_600, "... { id } ")),
        format!(
            "{{ ticket(id: 1) {{ {} }} }}",
            times(600, "customer { id email } ")
        ),
        format!(
            "{{ ticket(id: 1) {{ {} }} }} fragment F on Ticket {{ id title }}",
            times(1_600, "...F ")
        ),
        format!(
            "{{ ...F0 }} {} fragment F60 on Query {{ __typename }}",
            each(60, |it| format!(
                "fragment F{it} on Query {{ ...F{} }}",
                it + 1
            ))
        ),
        each(1_900, |it| format!("query A{it} {{ __typename }}")),
        // What is written once is looked at from each place.
        format!(
            "{} fragment F on Query {{ {} }}",
            each(900, |it| format!("query A{it} {{ ...F }}")),
            long_list()
        ),
        format!(
            "{{ ticket(id: 1) {{ {} }} }} fragment F on Ticket {{ customer {{ {} }} }}",
            times(1_000, "...F "),
            long_list()
        ),
    ]
}

fn long_list() -> String {
    format!(
        "tickets(where: {{ number: {{ in: [{}] }} }}) {{ totalCount }}",
        times(1_900, "1 ")
    )
}
