#include "crds/meta/rules.h"

#include <string>

#include <gtest/gtest.h>
#include <re2/re2.h>

namespace kr::crds {
namespace {

// The predicates stand in for the patterns of the schema: on every short text over the characters
// that matter, and on longer ones, both must agree.
TEST(TextKind, PredicatesAgreeWithTheirPatterns) {
  const std::string alphabet = "aZ0-_./~1v ";
  std::vector<std::string> texts = {""};
  for (size_t begin = 0, length = 0; length < 4; ++length) {
    const size_t end = texts.size();
    for (; begin < end; ++begin) {
      for (char c : alphabet) texts.push_back(texts[begin] + c);
    }
  }
  for (const char* text : {"apps/v1",
                           "kube-remedy.io/v1alpha1",
                           "/v1",
                           "apps/",
                           "v",
                           "Normal",
                           "Warning",
                           "warning",
                           "NormalWarning",
                           "kube-system",
                           "-x",
                           "x-",
                           "ä",
                           "DaemonSet",
                           "FELIX_HEALTHHOST",
                           "1X",
                           "deadbeef",
                           "DEADBEEF",
                           "/spec/a~1b",
                           "/spec/a~2b",
                           "spec",
                           "a/b/v1",
                           "example.com/Ready"}) {
    texts.emplace_back(text);
  }
  const TextKind* kinds[] = {&kIdentifier, &kDnsLabel,  &kDnsSubdomain, &kGroupVersion,
                             &kKindName,   &kCamelCase, &kJsonPointer,  &kEnvName,
                             &kHexDigest,  &kEventType};
  for (const TextKind* kind : kinds) {
    SCOPED_TRACE(std::string(kind->pattern));
    const RE2 pattern{re2::StringPiece(kind->pattern.data(), kind->pattern.size())};
    ASSERT_TRUE(pattern.ok());
    for (const std::string& text : texts) {
      ASSERT_EQ(kind->matches(text), RE2::PartialMatch(text, pattern)) << '"' << text << '"';
    }
  }
}

}  // namespace
}  // namespace kr::crds
