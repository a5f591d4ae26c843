#include "customer-svc/domain/text.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace milepost::customer {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;

struct FoldRow {
  const char* situation;
  const char* from;
  const char* to;
};
std::string Title(const ::testing::TestParamInfo<FoldRow>& info) { return info.param.situation; }

class SearchKeyTest : public ::testing::TestWithParam<FoldRow> {};
TEST_P(SearchKeyTest, Folds) { EXPECT_EQ(SearchKey(GetParam().from), GetParam().to); }
INSTANTIATE_TEST_SUITE_P(
    Names, SearchKeyTest,
    ::testing::Values(FoldRow{"FullWidth", "Ａｃｍｅ　１２３", "acme123"},
                      FoldRow{"Punctuation", "上海（云帆）科技·有限公司。", "上海云帆科技有限公司"},
                      FoldRow{"Case", "AcMe Corp.", "acmecorp"},
                      FoldRow{"Accents", "ÉCOLE Ñandú", "écoleñandú"},
                      FoldRow{"Cyrillic", "ЯНДЕКС Ёлка", "яндексёлка"},
                      FoldRow{"IterationMark", "佐々木商店", "佐々木商店"},
                      FoldRow{"BeyondTheBasicPlane", "𠮷野家", "𠮷野家"},
                      FoldRow{"OnlyPunctuation", "（）—— …", ""}, FoldRow{"Empty", "", ""},
                      FoldRow{"BrokenBytes", "\xff\xe4\xb8云", "云"}),
    Title);

class NameKeyTest : public ::testing::TestWithParam<FoldRow> {};
TEST_P(NameKeyTest, DropsWhatCompaniesHaveInCommon) {
  EXPECT_EQ(NameKey(GetParam().from), GetParam().to);
}
INSTANTIATE_TEST_SUITE_P(
    Names, NameKeyTest,
    ::testing::Values(FoldRow{"LimitedCompany", "上海云帆科技有限公司", "上海云帆科技"},
                      FoldRow{"StockCompany", "上海云帆科技股份有限公司", "上海云帆科技"},
                      FoldRow{"LiabilityCompany", "上海云帆科技有限责任公司", "上海云帆科技"},
                      FoldRow{"GroupInBrackets", "上海云帆科技（集团）有限公司", "上海云帆科技"},
                      FoldRow{"NoSuffix", "上海云帆科技", "上海云帆科技"},
                      FoldRow{"Branch", "上海云帆科技北京分公司", "上海云帆科技北京分公司"},
                      FoldRow{"NothingButSuffix", "有限公司", "有限公司"},
                      FoldRow{"EnglishSuffixes", "Acme Trading Co., Ltd.", "acmetrading"},
                      FoldRow{"EnglishWithoutSpace", "Acme Trading Co.,Ltd", "acmetrading"},
                      FoldRow{"EndsLikeASuffix", "Marco", "marco"},
                      FoldRow{"OnlyASuffix", "Company", "company"}),
    Title);

TEST(FirstCharactersTest, CutsBetweenCharacters) {
  EXPECT_EQ(FirstCharacters("上海云帆", 2), "上海");
  EXPECT_EQ(FirstCharacters("上海", 3), "上海");
  EXPECT_EQ(FirstCharacters("", 3), "");
}

TEST(NameTermsTest, HasPairsAndLastCharacters) {
  EXPECT_THAT(NameTerms("沪深三", ""), ElementsAre("三", "沪深", "深三"));
  EXPECT_THAT(NameTerms("云帆有限公司", "YF"), ElementsAre("f", "yf", "云帆", "司", "帆有"));
}

TEST(NameTermsTest, EveryPartOfANameIsFoundByItsTerms) {
  const std::string name = "Ａ股上海云帆科技（集团）股份有限公司";
  const std::vector<std::string> terms = NameTerms(name, "");
  for (const char* part : {"上海", "云帆科", "技集团股", "a股上", "科技（集团）", "限公司", "云"}) {
    const TermQuery query = TermsOf(SearchKey(part));
    EXPECT_THAT(terms, IsSupersetOf(query.terms)) << part;
    if (query.prefix.empty()) continue;
    EXPECT_TRUE(std::any_of(terms.begin(), terms.end(), [&](const std::string& term) {
      return term.compare(0, query.prefix.size(), query.prefix) == 0;
    })) << part;
  }
}

TEST(TermsOfTest, LeavesOutWhatNearlyAllHave) {
  EXPECT_THAT(TermsOf("有限公司").terms, IsEmpty());
  EXPECT_THAT(TermsOf("公").prefix, "");
  EXPECT_THAT(TermsOf("司").prefix, "司");
  EXPECT_THAT(TermsOf("云帆有限公司").terms, Not(Contains("公司")));
}

class PhoneDigitsTest : public ::testing::TestWithParam<FoldRow> {};
TEST_P(PhoneDigitsTest, Folds) {
  EXPECT_TRUE(IsPhone(GetParam().from));
  EXPECT_EQ(PhoneDigits(GetParam().from), GetParam().to);
}
INSTANTIATE_TEST_SUITE_P(
    Numbers, PhoneDigitsTest,
    ::testing::Values(FoldRow{"Mobile", "138-1234-5678", "13812345678"},
                      FoldRow{"CountryPrefix", "+86 138 1234 5678", "13812345678"},
                      FoldRow{"CountryPrefixZeros", "0086 13812345678", "13812345678"},
                      FoldRow{"OtherCountry", "+49 (30) 123456", "4930123456"},
                      FoldRow{"Extension", "(021) 6888-1234 转 12", "02168881234"},
                      FoldRow{"ExtensionX", "02168881234x12", "02168881234"},
                      FoldRow{"ExtensionExt", "02168881234 ext. 12", "02168881234"},
                      FoldRow{"FullWidth", "１３８１２３４５６７８", "13812345678"}),
    Title);

TEST(IsPhoneTest, RefusesWhatIsNone) {
  for (const char* text : {"", "12", "123456789012345678901", "call me", "1381234567a",
                           "021-68881234转", "转12", "021-68881234转1234567"}) {
    EXPECT_FALSE(IsPhone(text)) << text;
  }
}

TEST(PhoneQueryTest, NeedsFourDigitsAndNoLetters) {
  EXPECT_EQ(PhoneQuery("+86 138-1234"), "1381234");
  EXPECT_EQ(PhoneQuery("5678"), "5678");
  for (const char* text : {"567", "3M公司", "云帆1234", "", "123456789012345678901"})
    EXPECT_EQ(PhoneQuery(text), "") << text;
}

TEST(EmailTest, AcceptsAndRefuses) {
  for (const char* text : {"a@b.cn", "zhang.san+crm@mail.yunfan.com.cn"})
    EXPECT_TRUE(IsEmail(text)) << text;
  for (const char* text : {"", "a", "@b.cn", "a@b", "a@@b.cn", "a b@c.cn", "a@.cn", "a@b.cn.",
                           "a@b..cn", "<a@b.cn>"}) {
    EXPECT_FALSE(IsEmail(text)) << text;
  }
  EXPECT_FALSE(IsEmail(std::string(65, 'a') + "@b.cn"));
  EXPECT_FALSE(IsEmail("a@" + std::string(260, 'b') + ".cn"));
}

TEST(CompanyEmailDomainTest, IgnoresPublicProviders) {
  EXPECT_EQ(CompanyEmailDomain("Zhang@YunFan.com"), "yunfan.com");
  EXPECT_EQ(CompanyEmailDomain("zhang@QQ.com"), "");
  EXPECT_EQ(CompanyEmailDomain(""), "");
}

TEST(CreditCodeTest, ChecksTheLastCharacter) {
  EXPECT_EQ(FoldCreditCode(" ９１３５0100m000100y43 "), "91350100M000100Y43");
  EXPECT_TRUE(IsCreditCode("91350100M000100Y43"));  // The example of the standard.
  EXPECT_FALSE(IsCreditCode("91350100M000100Y44"));
  EXPECT_FALSE(IsCreditCode("91350100M000100Y4"));
  EXPECT_FALSE(IsCreditCode("91350100I000100Y43"));
  EXPECT_FALSE(IsCreditCode(""));
}

}  // namespace
}  // namespace milepost::customer
