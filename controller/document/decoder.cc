#include "controller/document/decoder.h"

#include <algorithm>
#include <bit>
#include <utility>

#include <nlohmann/json.hpp>
#include <simdjson.h>

#include "controller/document/encoder.h"
#include "controller/document/plan.h"
#include "controller/document/pools.h"

namespace kr::document {
namespace {

namespace dom = simdjson::dom;
static_assert(Decoder::kPadding >= simdjson::SIMDJSON_PADDING);

constexpr size_t kMinCapacity = 64 << 10;
constexpr size_t kMaxIdleCapacity = 512 << 10;

Status NoJson(simdjson::error_code code, size_t size) {
  if (code == simdjson::DEPTH_ERROR) {
    return InvalidArgument("nested deeper than " + std::to_string(Decoder::kMaxDepth) + " levels");
  }
  return InvalidArgument("no JSON or cut off (" + std::string(simdjson::error_message(code)) +
                         ") in " + std::to_string(size) + " bytes");
}

std::string_view StringOr(const simdjson::simdjson_result<dom::element>& value,
                          std::string_view fallback) {
  std::string_view text;
  return value.get(text) == simdjson::SUCCESS ? text : fallback;
}

// What an API object needs to be one; `where` is its place in the text.
Status CheckObject(const dom::element& object, std::string_view where) {
  if (!object.is_object()) return InvalidArgument(std::string(where) + " is not an object");
  if (StringOr(object["kind"], "") == "Table") {
    return InvalidArgument(std::string(where) + " is a Table: the server ignored Accept");
  }
  if (!object["metadata"].is_object()) {
    return InvalidArgument(std::string(where) + " has no metadata");
  }
  return OkStatus();
}

StatusOr<WatchEvent::Type> EventType(std::string_view type) {
  using Type = WatchEvent::Type;
  if (type == "ADDED") return Type::kAdded;
  if (type == "MODIFIED") return Type::kModified;
  if (type == "DELETED") return Type::kDeleted;
  if (type == "BOOKMARK") return Type::kBookmark;
  if (type == "ERROR") return Type::kError;
  return InvalidArgument("unknown type \"" + std::string(type.substr(0, 32)) + "\"");
}

}  // namespace

struct Decoder::Impl {
  Impl() : pools(new Pools), encoder(*pools) { pools->Ref(); }
  ~Impl() { pools->Unref(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // The parsed text lives until the next call.
  StatusOr<dom::element> Parse(std::string_view text, bool padded);
  simdjson::error_code ParseInto(dom::element& root, std::string_view text, bool padded);
  StatusOr<DocumentPtr> Encode(const dom::element& object, const Projection::Ptr& projection,
                               std::string_view where);
  // Gives back what one huge text needed.
  void Shrink();

  Pools* pools;
  Encoder encoder;
  std::unique_ptr<dom::parser> parser;
  std::string buffer;
};

simdjson::error_code Decoder::Impl::ParseInto(dom::element& root, std::string_view text,
                                              bool padded) {
  if (!parser) parser = std::make_unique<dom::parser>();
  // In powers of two: the parser itself would grow to each new longest line exactly.
  const size_t capacity = std::bit_ceil(std::max(text.size(), kMinCapacity));
  if (parser->capacity() < capacity) {
    const simdjson::error_code code = parser->allocate(capacity, kMaxDepth);
    if (code != simdjson::SUCCESS) return code;
  }
  if (!padded) {
    buffer.reserve(capacity + kPadding);
    buffer.assign(text);
    buffer.append(kPadding, ' ');
    text = std::string_view(buffer).substr(0, text.size());
  }
  return parser->parse(text.data(), text.size(), false).get(root);
}

StatusOr<dom::element> Decoder::Impl::Parse(std::string_view text, bool padded) {
  dom::element root;
  simdjson::error_code code = ParseInto(root, text, padded);
  if (code == simdjson::NUMBER_ERROR) {
    // Integers beyond 64 bits, which custom resources may have: read as doubles.
    const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
    if (json.is_discarded()) return NoJson(code, text.size());
    code = ParseInto(root, json.dump(), false);
  }
  if (code != simdjson::SUCCESS) return NoJson(code, text.size());
  return root;
}

StatusOr<DocumentPtr> Decoder::Impl::Encode(const dom::element& object,
                                            const Projection::Ptr& projection,
                                            std::string_view where) {
  KR_RETURN_IF_ERROR(CheckObject(object, where));
  DocumentPtr document = encoder.Encode(object, pools->PlanFor(projection));
  if (!document) return ResourceExhausted(std::string(where) + " is too large to be kept");
  return document;
}

void Decoder::Impl::Shrink() {
  if (parser && parser->capacity() > kMaxIdleCapacity) parser.reset();
  if (buffer.capacity() > kMaxIdleCapacity + kPadding) std::string().swap(buffer);
}

Decoder::Decoder() : impl_(std::make_unique<Impl>()) {}
Decoder::~Decoder() = default;

StatusOr<WatchEvent> Decoder::DecodeEvent(std::string_view line, const Projection::Ptr& projection,
                                          bool padded) {
  const auto decode = [&]() -> StatusOr<WatchEvent> {
    KR_ASSIGN_OR_RETURN(const dom::element root, impl_->Parse(line, padded));
    if (!root.is_object()) return InvalidArgument("not an object");
    WatchEvent event;
    std::string_view type;
    if (root["type"].get(type) != simdjson::SUCCESS) return InvalidArgument("no type");
    KR_ASSIGN_OR_RETURN(event.type, EventType(type));
    dom::element object;
    if (root["object"].get(object) != simdjson::SUCCESS) return InvalidArgument("no object");
    if (event.type == WatchEvent::Type::kError) {
      event.error = simdjson::minify(object);
      return event;
    }
    if (event.type == WatchEvent::Type::kBookmark) {
      KR_RETURN_IF_ERROR(CheckObject(object, "object"));
      const auto metadata = object["metadata"];
      event.resource_version = StringOr(metadata["resourceVersion"], "");
      event.initial_events_end =
          StringOr(metadata["annotations"]["k8s.io/initial-events-end"], "") == "true";
      return event;
    }
    KR_ASSIGN_OR_RETURN(event.object, impl_->Encode(object, projection, "object"));
    event.resource_version = event.object->resource_version();
    return event;
  };
  StatusOr<WatchEvent> event = decode();
  impl_->Shrink();
  if (!event.ok()) return Annotate(event.status(), "watch event");
  return event;
}

StatusOr<ListPage> Decoder::DecodeList(std::string_view body, const Projection::Ptr& projection) {
  const auto decode = [&]() -> StatusOr<ListPage> {
    KR_ASSIGN_OR_RETURN(const dom::element root, impl_->Parse(body, false));
    KR_RETURN_IF_ERROR(CheckObject(root, "the page"));
    ListPage page;
    const auto metadata = root["metadata"];
    page.resource_version = StringOr(metadata["resourceVersion"], "");
    page.continue_token = StringOr(metadata["continue"], "");
    const auto items = root["items"];
    if (items.is_null()) return page;  // how Go writes an empty slice
    dom::array list;
    if (items.get(list) != simdjson::SUCCESS) return InvalidArgument("no items");
    page.items.reserve(list.size());
    for (const dom::element& item : list) {
      const std::string where = "items[" + std::to_string(page.items.size()) + "]";
      KR_ASSIGN_OR_RETURN(DocumentPtr document, impl_->Encode(item, projection, where));
      page.items.push_back(std::move(document));
    }
    return page;
  };
  StatusOr<ListPage> page = decode();
  impl_->Shrink();
  if (!page.ok()) return Annotate(page.status(), "list");
  return page;
}

StatusOr<DocumentPtr> Decoder::DecodeObject(std::string_view body,
                                            const Projection::Ptr& projection) {
  const auto decode = [&]() -> StatusOr<DocumentPtr> {
    KR_ASSIGN_OR_RETURN(const dom::element root, impl_->Parse(body, false));
    return impl_->Encode(root, projection, "the text");
  };
  StatusOr<DocumentPtr> document = decode();
  impl_->Shrink();
  if (!document.ok()) return Annotate(document.status(), "object");
  return document;
}

DocumentPtr Decoder::FromJson(const nlohmann::json& value, const Projection::Ptr& projection) {
  const std::string text = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const StatusOr<dom::element> root = impl_->Parse(text, false);
  if (!root.ok()) return DocumentPtr();
  DocumentPtr document = impl_->encoder.Encode(*root, impl_->pools->PlanFor(projection));
  impl_->Shrink();
  return document;
}

Decoder::PoolStats Decoder::pool_stats() const {
  const Pools& pools = *impl_->pools;
  return {pools.strings.size(), pools.strings.bytes(), pools.shapes.size(), pools.shared.size(),
          pools.shared.bytes()};
}

size_t Decoder::ready_for() const {
  return std::max({impl_->parser ? impl_->parser->capacity() : 0, impl_->buffer.capacity(),
                   impl_->encoder.buffer_bytes()});
}

}  // namespace kr::document
