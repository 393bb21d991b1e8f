#include <string>
#include <utility>

#include "controller/cel/evaluation.h"
#include "controller/cel/function.h"
#include "controller/cel/opaque.h"
#include "controller/values/url.h"

namespace kr::cel {
namespace {

using values::Url;

bool SameText(const Url& a, const Url& b) {
  return a.ToString() == b.ToString();
}
using UrlValue = OpaqueOf<Url, kUrlType, SameText>;

Value ToUrl(const Call& call) {
  std::string scratch;
  const std::string_view text = *call.args[0].Text(scratch);
  if (!call.evaluation.ChargeText(text.size())) return Evaluation::Exhausted();
  auto url = Url::Parse(text);
  return url.ok() ? UrlValue::Make(*std::move(url)) : Value::Failure(std::move(url).status());
}

Value IsUrl(const Call& call) {
  std::string scratch;
  const std::string_view text = *call.args[0].Text(scratch);
  if (!call.evaluation.ChargeText(text.size())) return Evaluation::Exhausted();
  return Value::Bool(Url::Check(text).ok());
}

const Url& Receiver(const Call& call) {
  return UrlValue::Get(call.args[0]);
}
Value GetScheme(const Call& call) {
  return Value::String(Receiver(call).scheme());
}
Value GetHost(const Call& call) {
  return Value::String(Receiver(call).host());
}
Value GetHostname(const Call& call) {
  return Value::String(Receiver(call).Hostname());
}
Value GetPort(const Call& call) {
  return Value::String(Receiver(call).Port());
}
Value GetEscapedPath(const Call& call) {
  return Value::String(Receiver(call).EscapedPath());
}

Value GetQuery(const Call& call) {
  Map query;
  for (auto& [name, texts] : Receiver(call).Query()) {
    List list;
    for (auto& text : texts) list.push_back(Value::String(std::move(text)));
    if (!call.evaluation.Charge(list.size())) return Evaluation::Exhausted();
    query.emplace_back(Value::String(name), Value::FromList(std::move(list)));
  }
  return Value::FromMap(std::move(query));
}

}  // namespace

std::vector<FunctionSpec> UrlFunctions() {
  const auto part = [](std::string_view name, Value (*run)(const Call&)) {
    return FunctionSpec{.name = name, .overloads = {".(kubernetes.URL) string"}, .run = run};
  };
  return {
      {.name = "url", .overloads = {"(string) kubernetes.URL"}, .run = ToUrl},
      {.name = "isURL", .overloads = {"(string) bool"}, .run = IsUrl},
      part("getScheme", GetScheme),
      part("getHost", GetHost),
      part("getHostname", GetHostname),
      part("getPort", GetPort),
      part("getEscapedPath", GetEscapedPath),
      {.name = "getQuery",
       .overloads = {".(kubernetes.URL) map(string, list(string))"},
       .run = GetQuery},
  };
}

}  // namespace kr::cel
