//! Replays the corpus of the fuzz targets: what once was found stays found.

use godoty_core_tests::files;
use godoty_core_tests::fuzz::TARGETS;

#[test]
fn every_input_of_the_corpus_keeps_the_invariants() {
    for (name, target) in TARGETS {
        let inputs = files(&format!("fuzz/{name}"), "");
        assert!(inputs.len() >= 5, "{name} has a corpus");
        for (file, input) in inputs {
            println!("{name}/{file}");
            target(&input);
        }
    }
}
