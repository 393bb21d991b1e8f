#include "reconcilers/node/parameters.h"

#include <gtest/gtest.h>

#include "crds/v1alpha1/node_codec.h"
#include "tests/crds/manifests.h"
#include "tests/support/status_matchers.h"

namespace kr::node {
namespace {

using testing::StatusIs;

crds::NodeCommandSpec Spec(const std::string& yaml) {
  nlohmann::json object = {{"apiVersion", "kube-remedy.io/v1alpha1"},
                           {"kind", "NodeCommand"},
                           {"metadata", {{"name", "c"}}},
                           {"spec", testing::ParseYaml(yaml)}};
  const auto command = crds::FromJson<crds::NodeCommand>(object);
  EXPECT_TRUE(command.ok()) << command.status();
  return command.ok() ? command->spec : crds::NodeCommandSpec();
}

const char kVacuum[] = R"Y(
parameters:
- {name: size, pattern: '^[0-9]{1,6}[KMG]$', default: 500M}
- {name: unit, pattern: '^[a-z][a-z-]*$', optional: true}
- {name: driver, pattern: '^[a-z0-9.]+~[a-z0-9-]+$'}
commands:
- {argv: [/usr/bin/journalctl, --vacuum-size=$(size), --unit=$(unit), $$(size)], timeout: 1m}
- editFile:
    path: /plugins/$(driver)/conf
    format: yaml
    set: [{path: /a/$(unit), value: $(size)}, {path: /b, value: "$(unit)"}]
    validate: [/usr/bin/test, -s, $(file)]
  timeout: 1m
)Y";

TEST(Parameters, AreFilledInWhereTheyAreNamed) {
  const auto spec = Spec(kVacuum);
  KR_ASSERT_OK_AND_ASSIGN(const Values values,
                          ResolveParameters(spec, {{"unit", "kubelet"}, {"driver", "ali~oss"}}));
  EXPECT_EQ(values.at("size"), "500M");
  KR_ASSERT_OK_AND_ASSIGN(const auto commands, FillIn(spec, values));
  EXPECT_EQ(commands.at(0).argv,
            (std::vector<std::string>{"/usr/bin/journalctl", "--vacuum-size=500M", "--unit=kubelet",
                                      "$(size)"}));
  const crds::EditFile& edit = *commands.at(1).edit_file;
  EXPECT_EQ(edit.path, "/plugins/ali~oss/conf");
  EXPECT_EQ(edit.set.at(0).path, "/a/kubelet");
  EXPECT_EQ(edit.validate.back(), "$(file)");
}

TEST(Parameters, WithoutAValueTakeTheirArgumentsAlong) {
  const auto spec = Spec(kVacuum);
  KR_ASSERT_OK_AND_ASSIGN(const Values values, ResolveParameters(spec, {{"driver", "a~b"}}));
  KR_ASSERT_OK_AND_ASSIGN(const auto commands, FillIn(spec, values));
  EXPECT_EQ(commands.at(0).argv.size(), 3u);
  ASSERT_EQ(commands.size(), 1u) << "nothing is left to set in the file";
}

struct Bad {
  Values given;
  const char* says;
};

// What people try when they may choose a parameter. None of it comes near a shell, and none of it
// passes its pattern either.
TEST(Parameters, ThatDoNotMatchAsAWholeAreRefused) {
  const auto spec = Spec(kVacuum);
  const Bad kBad[] = {
      {{{"driver", "a~b"}, {"size", "1M; reboot"}},
       "parameter size: \"1M; reboot\" does not match ^[0-9]{1,6}[KMG]$"},
      {{{"driver", "a~b"}, {"size", "$(reboot)"}},
       "parameter size: \"$(reboot)\" does not match ^[0-9]{1,6}[KMG]$"},
      {{{"driver", "a~b"}, {"size", "1M\n"}},
       "parameter size: \"1M\n\" does not match ^[0-9]{1,6}[KMG]$"},
      {{{"driver", "a~b"}, {"size", ""}}, "parameter size: \"\" does not match ^[0-9]{1,6}[KMG]$"},
      {{{"driver", "../../etc~x"}},
       "parameter driver: \"../../etc~x\" does not match ^[a-z0-9.]+~[a-z0-9-]+$"},
      {{}, "parameter driver: is required, it has no default (^[a-z0-9.]+~[a-z0-9-]+$)"},
      {{{"driver", "a~b"}, {"siez", "1M"}}, "parameter siez: there is no such parameter"},
  };
  for (const Bad& bad : kBad) {
    SCOPED_TRACE(bad.says);
    EXPECT_THAT(ResolveParameters(spec, bad.given),
                StatusIs(absl::StatusCode::kInvalidArgument, std::string(bad.says)));
  }
}

// An alternation reaches over its anchors: only the whole counts.
TEST(Parameters, AnAnchoredAlternationIsMatchedAsAWhole) {
  const auto spec = Spec(R"Y(
parameters: [{name: unit, pattern: '^kubelet|containerd$'}]
commands: [{argv: [/usr/bin/systemctl, restart, $(unit)], timeout: 1m}]
)Y");
  EXPECT_TRUE(ResolveParameters(spec, {{"unit", "kubelet"}}).ok());
  EXPECT_FALSE(ResolveParameters(spec, {{"unit", "kubelet sshd"}}).ok());
}

// A pattern that lets too much pass does not lead out of the directory.
TEST(Parameters, APathLeavesNoDirectory) {
  const auto spec = Spec(R"Y(
parameters: [{name: name, pattern: '^.*$'}]
commands:
- editFile: {path: /etc/a/$(name), format: ini, set: [{path: /S/k, value: v}]}
  timeout: 1m
)Y");
  KR_ASSERT_OK_AND_ASSIGN(const Values values,
                          ResolveParameters(spec, {{"name", "../../etc/shadow"}}));
  EXPECT_FALSE(FillIn(spec, values).ok());
}

// What a value says is never looked into: it is one argument, one part of a pointer.
TEST(Parameters, AreCutOnce) {
  const auto spec = Spec(R"Y(
parameters: [{name: a, pattern: '^.*$'}, {name: b, pattern: '^.*$', default: secret}]
commands:
- {argv: [/bin/echo, "$(a)"], timeout: 1m}
- editFile: {path: /etc/a, format: yaml, set: [{path: /x/$(a), value: v}]}
  timeout: 1m
)Y");
  KR_ASSERT_OK_AND_ASSIGN(const Values values, ResolveParameters(spec, {{"a", "$(b) /y"}}));
  KR_ASSERT_OK_AND_ASSIGN(const auto commands, FillIn(spec, values));
  EXPECT_EQ(commands.at(0).argv, (std::vector<std::string>{"/bin/echo", "$(b) /y"}));
  EXPECT_EQ(commands.at(1).edit_file->set.at(0).path, "/x/$(b) ~1y");
}

TEST(Patterns, ThatAreNoneAndDefaultsThatTheyRefuseAreFound) {
  EXPECT_THAT(CheckPatterns(Spec(R"Y(
parameters: [{name: a, pattern: '^[$'}]
commands: [{argv: [/bin/true], timeout: 1s}]
)Y")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       ::testing::StartsWith("spec.parameters[0].pattern: missing ]")));
  EXPECT_THAT(CheckPatterns(Spec(R"Y(
parameters: [{name: a, pattern: '^[0-9]+$', default: x}]
commands: [{argv: [/bin/true], timeout: 1s}]
)Y")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       std::string("spec.parameters[0].default: parameter a: \"x\" does not match "
                                   "^[0-9]+$")));
}

}  // namespace
}  // namespace kr::node
