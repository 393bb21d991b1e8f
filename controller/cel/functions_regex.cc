#include <string>
#include <utility>

#include "controller/cel/evaluation.h"
#include "controller/cel/function.h"
#include "controller/cel/operations.h"
#include "controller/cel/regex.h"

namespace kr::cel {

StatusOr<std::shared_ptr<const re2::RE2>> CompilePattern(std::string_view pattern) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(256 << 10);
  auto compiled =
      std::make_shared<const re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (!compiled->ok()) {
    return InvalidArgument("bad pattern '" + std::string(pattern) + "': " + compiled->error());
  }
  return compiled;
}

namespace {

re2::StringPiece Piece(std::string_view text) {
  return {text.data(), text.size()};
}

// The text and the pattern of a call, compiled now if it is not constant.
class Search {
 public:
  explicit Search(const Call& call) : pattern_(call.pattern) {
    text_ = *call.args[0].Text(scratch_);
    std::string scratch;
    const std::string_view pattern = *call.args[1].Text(scratch);
    // As cel-go: a quarter of the pattern's length for each ten bytes of text.
    if (!call.evaluation.Charge((text_.size() / 10 + 1) * (pattern.size() / 4 + 1))) {
      error_ = Evaluation::Exhausted();
      return;
    }
    if (pattern_ != nullptr) return;
    auto compiled = CompilePattern(pattern);
    if (!compiled.ok()) {
      error_ = Value::Failure(compiled.status());
      return;
    }
    owned_ = *std::move(compiled);
    pattern_ = owned_.get();
  }
  Search(const Search&) = delete;
  Search& operator=(const Search&) = delete;

  const Value& error() const { return error_; }
  std::string_view text() const { return text_; }

  bool Matches() const {
    return pattern_->Match(Piece(text_), 0, text_.size(), re2::RE2::UNANCHORED, nullptr, 0);
  }
  // The first match at or after `from`; data() is null when there is none.
  re2::StringPiece Next(size_t from) const {
    re2::StringPiece match;
    if (!pattern_->Match(Piece(text_), from, text_.size(), re2::RE2::UNANCHORED, &match, 1)) {
      return {};
    }
    return match;
  }

 private:
  std::string scratch_;
  std::string_view text_;
  const re2::RE2* pattern_;
  std::shared_ptr<const re2::RE2> owned_;
  Value error_;
};

Value Matches(const Call& call) {
  const Search search(call);
  if (search.error().is_error()) return search.error();
  return Value::Bool(search.Matches());
}

Value FindFirst(const Call& call) {
  const Search search(call);
  if (search.error().is_error()) return search.error();
  const re2::StringPiece match = search.Next(0);
  return Value::String(std::string(match.data() == nullptr ? "" : match.data(), match.size()));
}

Value FindAll(const Call& call) {
  const Search search(call);
  if (search.error().is_error()) return search.error();
  const int64_t limit = call.args.size() == 3 ? *call.args[2].AsInt() : -1;
  const std::string_view text = search.text();
  List found;
  size_t at = 0;
  size_t last_end = std::string_view::npos;
  while (at <= text.size() && (limit < 0 || found.size() < static_cast<uint64_t>(limit))) {
    if (!call.evaluation.Charge(1)) return Evaluation::Exhausted();
    const re2::StringPiece match = search.Next(at);
    if (match.data() == nullptr) break;
    const auto begin = static_cast<size_t>(match.data() - text.data());
    const size_t end = begin + match.size();
    // As Go: an empty match right behind another one does not count.
    if (!(match.empty() && begin == last_end)) {
      found.push_back(Value::String(std::string(match.data(), match.size())));
    }
    last_end = end;
    at = end;
    if (match.empty()) {
      ++at;
      while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
    }
  }
  return Value::FromList(std::move(found));
}

}  // namespace

std::vector<FunctionSpec> RegexFunctions() {
  return {
      {.name = "matches",
       .overloads = {"(string, string) bool", ".(string, string) bool"},
       .run = Matches,
       .pattern = 1},
      {.name = "find", .overloads = {".(string, string) string"}, .run = FindFirst, .pattern = 1},
      {.name = "findAll",
       .overloads = {".(string, string) list(string)", ".(string, string, int) list(string)"},
       .run = FindAll,
       .pattern = 1},
  };
}

}  // namespace kr::cel
