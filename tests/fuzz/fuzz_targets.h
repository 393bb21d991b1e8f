#pragma once

#include <string>
#include <string_view>
#include <vector>

// What is fuzzed. `run` gets any bytes; it must come back, leak nothing, read nothing that is not
// there (the sanitizers say so), and keep the property that it states itself by an EXPECT. It says
// whether the input was understood: all seeds are, or the property is of no input at all.
//
// With clang, one of them runs under libFuzzer: compile the library with -fsanitize=fuzzer and call
// `run` from LLVMFuzzerTestOneInput.
namespace kr::fuzz {

struct Target {
  std::string_view name;
  bool (*run)(std::string_view input);
  std::vector<std::string> seeds;  // good inputs, from which bad ones are made
};

Target DecoderTarget();  // watch lines, lists, objects
Target CelTarget();      // expressions
Target PolicyTarget();   // RemediationPolicies as JSON, compiled when they are good
Target RemediationTarget();
Target BudgetTarget();
Target BaselineTarget();
Target NodeCommandTarget();
Target NodeTaskTarget();
Target ManifestTarget();  // YAML of people
Target KubeconfigTarget();
Target ValuesTarget();    // quantities, versions, addresses, URLs, cron
Target ResponseTarget();  // HTTP/1.1
Target AlertsTarget();    // notifications of Alertmanager
Target WebhookTarget();   // answers of webhooks

}  // namespace kr::fuzz
