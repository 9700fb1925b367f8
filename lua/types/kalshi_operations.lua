---@meta _
-- Made by scripts/generate from the operation table; what is declared by hand is in the other files.

---@class kalshi
local kalshi = {}

---Options of every call.
---@class kalshi.CallOptions
---@field raw? boolean the answer as the exchange sent it, without numbers out of texts
---@field timeout? number seconds that the call may take (30)

---Asks for the next tier of rate limits, for an account that trades through the API. Raises "validation" for a wrong
---parameter, "auth" without a key that may do it, "permission" on production without `--live`, "http" for what the
---exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.upgrade_account_api_usage_level()
---```
---@async
---@param query? kalshi.CallOptions what narrows it
function kalshi.upgrade_account_api_usage_level(query) end

---A part of kalshi.GetAccountApiUsageLevelVolumeProgressAnswerVolumeProgress.
---@class kalshi.GetAccountApiUsageLevelVolumeProgressAnswerVolumeProgressGoals
---@field level string
---@field earn_volume_goal_fp number contracts
---@field keep_volume_goal_fp number contracts

---A part of kalshi.GetAccountApiUsageLevelVolumeProgressAnswer.
---@class kalshi.GetAccountApiUsageLevelVolumeProgressAnswerVolumeProgress
---@field computed_ts integer seconds since 1970
---@field trailing_30d_volume_fp number contracts
---@field goals kalshi.GetAccountApiUsageLevelVolumeProgressAnswerVolumeProgressGoals[]

---What `kalshi.get_account_api_usage_level_volume_progress` answers.
---@class kalshi.GetAccountApiUsageLevelVolumeProgressAnswer
---@field volume_progress kalshi.GetAccountApiUsageLevelVolumeProgressAnswerVolumeProgress[] for each tier

---How far the account's volume is from the next tier of rate limits. Raises "validation" for a wrong parameter, "auth"
---without a key that may do it, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_account_api_usage_level_volume_progress()
---```
---@async
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.GetAccountApiUsageLevelVolumeProgressAnswer answer of the exchange
function kalshi.get_account_api_usage_level_volume_progress(query) end

---A part of kalshi.GetAccountEndpointCostsAnswer.
---@class kalshi.GetAccountEndpointCostsAnswerEndpointCosts
---@field method string
---@field path string
---@field cost integer tokens

---What `kalshi.get_account_endpoint_costs` answers.
---@class kalshi.GetAccountEndpointCostsAnswer
---@field default_cost integer tokens of every other call
---@field endpoint_costs kalshi.GetAccountEndpointCostsAnswerEndpointCosts[] tokens of each call that differs

---What calls cost in tokens where that is not the usual number. Raises "validation" for a wrong parameter, "http" for
---what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_account_endpoint_costs()
---```
---@async
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.GetAccountEndpointCostsAnswer answer of the exchange
function kalshi.get_account_endpoint_costs(query) end

---A part of kalshi.GetAccountApiLimitsAnswer.
---@class kalshi.GetAccountApiLimitsAnswerRead
---@field refill_rate integer tokens a second
---@field bucket_capacity integer tokens

---A part of kalshi.GetAccountApiLimitsAnswer.
---@class kalshi.GetAccountApiLimitsAnswerGrants
---@field exchange_instance "event_contract"|"margined"
---@field level string
---@field source string
---@field expires_ts? integer seconds since 1970

---What `kalshi.get_account_api_limits` answers.
---@class kalshi.GetAccountApiLimitsAnswer
---@field usage_tier string name of the tier
---@field read kalshi.GetAccountApiLimitsAnswerRead tokens for reading: a second, and at most
---@field write kalshi.GetAccountApiLimitsAnswerRead tokens for orders: a second, and at most
---@field grants kalshi.GetAccountApiLimitsAnswerGrants[] why the account has its tier

---The account's tier of rate limits: tokens a second and how many can be saved up. Raises "validation" for a wrong
---parameter, "auth" without a key that may do it, "http" for what the exchange refuses, "network" or "timeout" where no
---answer came.
---```lua
---kalshi.get_account_api_limits()
---```
---@async
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.GetAccountApiLimitsAnswer answer of the exchange
function kalshi.get_account_api_limits(query) end

---The account's tier of rate limits for perpetual futures. Raises "validation" for a wrong parameter, "auth" without a
---key that may do it, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_perps_account_api_limits()
---```
---@async
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.GetAccountApiLimitsAnswer answer of the exchange
function kalshi.get_perps_account_api_limits(query) end

---What `kalshi.get_api_keys` takes by name.
---@class kalshi.GetApiKeysQuery: kalshi.CallOptions
---@field fcm_subtrader_id? string of the customer of a clearing member

---A part of kalshi.GetApiKeysAnswer.
---@class kalshi.GetApiKeysAnswerApiKeys
---@field api_key_id string
---@field name string
---@field scopes ("read"|"write"|"read::block_trade_accept"|"read::portfolio_balance"|"write::trade"|"write::transfer"|"write::block_trade_accept"|"write::fcm_risk")[]
---@field fcm_subtrader_id? string
---@field key_type? "rsa"|"ed25519"
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones

---What `kalshi.get_api_keys` answers.
---@class kalshi.GetApiKeysAnswer
---@field api_keys kalshi.GetApiKeysAnswerApiKeys[]
---@field api_key_region_expiration_ts? integer seconds since 1970

---The account's API keys with their scopes. Raises "validation" for a wrong parameter, "auth" without a key that may do
---it, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_api_keys()
---```
---@async
---@param query? kalshi.GetApiKeysQuery what narrows it
---@return kalshi.GetApiKeysAnswer answer of the exchange
function kalshi.get_api_keys(query) end

---What `kalshi.create_api_key` takes by name.
---@class kalshi.CreateApiKeyQuery: kalshi.CallOptions
---@field name string of the key
---@field public_key string PEM
---@field fcm_subtrader_id? string of the customer of a clearing member
---@field scopes? ("read"|"write"|"read::block_trade_accept"|"read::portfolio_balance"|"write::trade"|"write::transfer"|"write::block_trade_accept"|"write::fcm_risk")[] what the key may do; everything when left out
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones

---What `kalshi.create_api_key` answers.
---@class kalshi.CreateApiKeyAnswer
---@field api_key_id string
---@field warning? string what to mind

---Registers a public key of one's own as an API key. Raises "validation" for a wrong parameter, "auth" without a key
---that may do it, "permission" on production without `--live`, "http" for what the exchange refuses, "network" or
---"timeout" where no answer came.
---```lua
---kalshi.create_api_key{ name = "NAME", public_key = "PUBLIC_KEY" }
---```
---@async
---@param query kalshi.CreateApiKeyQuery with what is required
---@return kalshi.CreateApiKeyAnswer answer of the exchange
function kalshi.create_api_key(query) end

---Ends an API key. Raises "validation" for a wrong parameter, "auth" without a key that may do it, "permission" on
---production without `--live`, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.delete_api_key("API_KEY")
---```
---@async
---@param api_key string the id of the key
---@param query? kalshi.CallOptions what narrows it
function kalshi.delete_api_key(api_key, query) end

---What `kalshi.generate_api_key` takes by name.
---@class kalshi.GenerateApiKeyQuery: kalshi.CallOptions
---@field name string of the key
---@field fcm_subtrader_id? string of the customer of a clearing member
---@field key_type? "rsa"|"ed25519" rsa or ed25519
---@field scopes? ("read"|"write"|"read::block_trade_accept"|"read::portfolio_balance"|"write::trade"|"write::transfer"|"write::block_trade_accept"|"write::fcm_risk")[] what the key may do; everything when left out
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones

---What `kalshi.generate_api_key` answers.
---@class kalshi.GenerateApiKeyAnswer
---@field api_key_id string
---@field private_key string PEM; told this once
---@field warning? string what to mind

---Makes an API key; its private half is told once, in the answer. Raises "validation" for a wrong parameter, "auth"
---without a key that may do it, "permission" on production without `--live`, "http" for what the exchange refuses,
---"network" or "timeout" where no answer came.
---```lua
---kalshi.generate_api_key{ name = "NAME" }
---```
---@async
---@param query kalshi.GenerateApiKeyQuery with what is required
---@return kalshi.GenerateApiKeyAnswer answer of the exchange
function kalshi.generate_api_key(query) end

---What `kalshi.cfbenchmarks_passthrough` takes by name.
---@class kalshi.CfbenchmarksPassthroughQuery: kalshi.CallOptions
---@field id? string of the index
---@field timespan? string how far back
---@field timestamp? string at which time

---A part of kalshi.CfbenchmarksPassthroughAnswer.
---@class kalshi.CfbenchmarksPassthroughAnswerData
---@field payload? any
---@field serverTime? string

---What `kalshi.cfbenchmarks_passthrough` answers.
---@class kalshi.CfbenchmarksPassthroughAnswer
---@field data kalshi.CfbenchmarksPassthroughAnswerData

---Values of CF Benchmarks indices, by their own paths. Raises "validation" for a wrong parameter, "auth" without a key
---that may do it, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.cfbenchmarks_passthrough("ENDPOINT")
---```
---@async
---@param endpoint string the path there
---@param query? kalshi.CfbenchmarksPassthroughQuery what narrows it
---@return kalshi.CfbenchmarksPassthroughAnswer answer of the exchange
function kalshi.cfbenchmarks_passthrough(endpoint, query) end

---What `kalshi.get_block_trade_proposals` takes by name.
---@class kalshi.GetBlockTradeProposalsQuery: kalshi.CallOptions
---@field cursor? string where to go on: the cursor of the page before
---@field market_ticker? string of the market
---@field limit? integer rows of a page
---@field status? string which ones

---A part of kalshi.GetBlockTradeProposalsAnswer.
---@class kalshi.GetBlockTradeProposalsAnswerBlockTradeProposals
---@field id string
---@field proposer_user_id string
---@field buyer_user_id string
---@field seller_user_id string
---@field market_ticker string
---@field price_centi_cents integer 1/10,000 dollar
---@field centicount integer 1/100 contract
---@field maker_side "yes"|"no"
---@field expiration_ts string a time in UTC
---@field status string
---@field created_ts string a time in UTC
---@field updated_ts string a time in UTC
---@field buyer_accepted boolean
---@field seller_accepted boolean
---@field buyer_accepted_ts? string a time in UTC
---@field buyer_order_id? string
---@field buyer_subtrader_id? string
---@field executed_ts? string a time in UTC
---@field seller_accepted_ts? string a time in UTC
---@field seller_order_id? string
---@field seller_subtrader_id? string

---What `kalshi.get_block_trade_proposals` answers.
---@class kalshi.GetBlockTradeProposalsAnswer
---@field block_trade_proposals kalshi.GetBlockTradeProposalsAnswerBlockTradeProposals[]
---@field cursor? string for the next page; empty at the last

---Block trades that were proposed by or to the account. Raises "validation" for a wrong parameter, "auth" without a key
---that may do it, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_block_trade_proposals{ limit = 5 }
---```
---@async
---@param query? kalshi.GetBlockTradeProposalsQuery what narrows it
---@return kalshi.GetBlockTradeProposalsAnswer answer of the exchange
function kalshi.get_block_trade_proposals(query) end

---What `kalshi.propose_block_trade` takes by name.
---@class kalshi.ProposeBlockTradeQuery: kalshi.CallOptions
---@field buyer_user_id string of the buyer
---@field seller_user_id string of the seller
---@field market_ticker string of the market
---@field price_centi_cents integer hundredths of a cent of YES
---@field centicount integer hundredths of a contract
---@field maker_side "yes"|"no" what the one who proposes buys
---@field expiration_ts string until when, seconds since 1970
---@field buyer_subaccount? integer of the buyer
---@field buyer_subtrader_id? string of the buyer, where it is a customer
---@field seller_subaccount? integer of the seller
---@field seller_subtrader_id? string of the seller, where it is a customer

---What `kalshi.propose_block_trade` answers.
---@class kalshi.ProposeBlockTradeAnswer
---@field block_trade_proposal_id string

---Proposes a block trade to another member, away from the book. Raises "validation" for a wrong parameter, "auth"
---without a key that may do it, "permission" on production without `--live`, "risk" where a limit forbids it, "http"
---for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.propose_block_trade{ buyer_user_id = "BUYER_USER_ID", seller_user_id = "SELLER_USER_ID", market_ticker = ticker, price_centi_cents = 5, centicount = 5, maker_side = "yes", expiration_ts = "2027-01-31T12:00:00Z" }
---```
---@async
---@param query kalshi.ProposeBlockTradeQuery with what is required
---@return kalshi.ProposeBlockTradeAnswer answer of the exchange
function kalshi.propose_block_trade(query) end

---What `kalshi.accept_block_trade_proposal` takes by name.
---@class kalshi.AcceptBlockTradeProposalQuery: kalshi.CallOptions
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones
---@field subtrader_id? string of the customer of a clearing member

---Accepts a block trade that was proposed. Raises "validation" for a wrong parameter, "auth" without a key that may do
---it, "permission" on production without `--live`, "risk" where a limit forbids it, "http" for what the exchange
---refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.accept_block_trade_proposal("BLOCK_TRADE_PROPOSAL_ID")
---```
---@async
---@param block_trade_proposal_id string the exchange's id of the proposal
---@param query? kalshi.AcceptBlockTradeProposalQuery what narrows it
function kalshi.accept_block_trade_proposal(block_trade_proposal_id, query) end

---What `kalshi.get_communications_id` answers.
---@class kalshi.GetCommunicationsIdAnswer
---@field communications_id string

---The name under which others see the account's requests for quotes. Raises "validation" for a wrong parameter, "auth"
---without a key that may do it, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_communications_id()
---```
---@async
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.GetCommunicationsIdAnswer answer of the exchange
function kalshi.get_communications_id(query) end

---What `kalshi.get_quotes` takes by name.
---@class kalshi.GetQuotesQuery: kalshi.CallOptions
---@field cursor? string where to go on: the cursor of the page before
---@field min_ts? integer not before, seconds since 1970
---@field max_ts? integer not after, seconds since 1970
---@field limit? integer rows of a page
---@field status? string which ones
---@field quote_creator_user_id? string who has quoted; deprecated
---@field user_filter? "self" "self": only one's own
---@field rfq_user_filter? "self" "self": only on one's own requests
---@field rfq_creator_user_id? string who has asked; deprecated
---@field rfq_creator_subtrader_id? string who has asked, a customer
---@field rfq_id? string the exchange's id of the request

---A part of kalshi.GetQuotesAnswer.
---@class kalshi.GetQuotesAnswerQuotes
---@field id string
---@field rfq_id string
---@field creator_id string
---@field rfq_creator_id string
---@field market_ticker string
---@field contracts_fp number contracts
---@field yes_bid_dollars number dollars
---@field no_bid_dollars number dollars
---@field created_ts string a time in UTC
---@field updated_ts string a time in UTC
---@field status "open"|"accepted"|"confirmed"|"executed"|"cancelled"
---@field accepted_side? "yes"|"no"
---@field accepted_ts? string a time in UTC
---@field cancellation_reason? string
---@field cancelled_ts? string a time in UTC
---@field confirmed_ts? string a time in UTC
---@field creator_order_id? string
---@field creator_subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones
---@field creator_user_id? string
---@field executed_ts? string a time in UTC
---@field no_contracts_fp? number contracts
---@field post_only? boolean
---@field rest_remainder? boolean
---@field rfq_creator_order_id? string
---@field rfq_creator_subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones
---@field rfq_creator_user_id? string
---@field rfq_target_cost_dollars? number dollars
---@field target_cost_excludes_fees? boolean
---@field yes_contracts_fp? number contracts

---What `kalshi.get_quotes` answers.
---@class kalshi.GetQuotesAnswer
---@field quotes kalshi.GetQuotesAnswerQuotes[]
---@field cursor? string for the next page; empty at the last

---Quotes that the account has given or got. Raises "validation" for a wrong parameter, "auth" without a key that may do
---it, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_quotes{ limit = 5 }
---```
---@async
---@param query? kalshi.GetQuotesQuery what narrows it
---@return kalshi.GetQuotesAnswer answer of the exchange
function kalshi.get_quotes(query) end

---What `kalshi.create_quote` takes by name.
---@class kalshi.CreateQuoteQuery: kalshi.CallOptions
---@field rfq_id string the exchange's id of the request
---@field yes_bid number what you pay for YES; 0: nothing, dollars
---@field no_bid number what you pay for NO; 0: nothing, dollars
---@field rest_remainder boolean what does not trade at once rests
---@field post_only? boolean refused where it would trade at once
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones

---What `kalshi.create_quote` answers.
---@class kalshi.CreateQuoteAnswer
---@field id string

---Answers a request for quotes with prices for YES and NO. Raises "validation" for a wrong parameter, "auth" without a
---key that may do it, "permission" on production without `--live`, "risk" where a limit forbids it, "http" for what the
---exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.create_quote{ rfq_id = "RFQ_ID", yes_bid = 0.42, no_bid = 0.42, rest_remainder = true }
---```
---@async
---@param query kalshi.CreateQuoteQuery with what is required
---@return kalshi.CreateQuoteAnswer answer of the exchange
function kalshi.create_quote(query) end

---What `kalshi.get_rfqs` takes by name.
---@class kalshi.GetRfqsQuery: kalshi.CallOptions
---@field cursor? string where to go on: the cursor of the page before
---@field event_ticker? string of the event
---@field market_ticker? string of the market
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones
---@field limit? integer rows of a page
---@field status? string which ones
---@field creator_user_id? string who asked; deprecated
---@field user_filter? "self" "self": only one's own

---A part of kalshi.GetRfqsAnswerRfqs.
---@class kalshi.GetRfqsAnswerRfqsMveSelectedLegs
---@field event_ticker? string
---@field market_ticker? string
---@field side? string
---@field yes_settlement_value_dollars? number dollars

---A part of kalshi.GetRfqsAnswer.
---@class kalshi.GetRfqsAnswerRfqs
---@field id string
---@field creator_id string
---@field contracts_fp number contracts
---@field market_ticker string
---@field status "open"|"closed"
---@field created_ts string a time in UTC
---@field cancellation_reason? string
---@field cancelled_ts? string a time in UTC
---@field creator_subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones
---@field creator_user_id? string
---@field mve_collection_ticker? string
---@field mve_selected_legs? kalshi.GetRfqsAnswerRfqsMveSelectedLegs[]
---@field rest_remainder? boolean
---@field target_cost_dollars? number dollars
---@field target_cost_excludes_fees? boolean
---@field updated_ts? string a time in UTC

---What `kalshi.get_rfqs` answers.
---@class kalshi.GetRfqsAnswer
---@field rfqs kalshi.GetRfqsAnswerRfqs[]
---@field cursor? string for the next page; empty at the last

---Requests for quotes, of everybody. Raises "validation" for a wrong parameter, "auth" without a key that may do it,
---"http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_rfqs{ limit = 5 }
---```
---@async
---@param query? kalshi.GetRfqsQuery what narrows it
---@return kalshi.GetRfqsAnswer answer of the exchange
function kalshi.get_rfqs(query) end

---What `kalshi.create_rfq` takes by name.
---@class kalshi.CreateRfqQuery: kalshi.CallOptions
---@field market_ticker string of the market
---@field rest_remainder boolean what does not trade at once rests
---@field contracts? integer whole contracts
---@field contracts_fp? number how much, contracts
---@field replace_existing? boolean instead of the one that is open
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones
---@field subtrader_id? string of the customer of a clearing member
---@field target_cost_centi_cents? integer what it may cost, hundredths of a cent; deprecated
---@field target_cost_dollars? number what it may cost, dollars
---@field target_cost_excludes_fees? boolean fees come on top

---Asks others for quotes for a size that the book does not show. Raises "validation" for a wrong parameter, "auth"
---without a key that may do it, "permission" on production without `--live`, "http" for what the exchange refuses,
---"network" or "timeout" where no answer came.
---```lua
---kalshi.create_rfq{ market_ticker = ticker, rest_remainder = true }
---```
---@async
---@param query kalshi.CreateRfqQuery with what is required
---@return kalshi.CreateQuoteAnswer answer of the exchange
function kalshi.create_rfq(query) end

---Takes a request for quotes back. Raises "validation" for a wrong parameter, "auth" without a key that may do it,
---"permission" on production without `--live`, "http" for what the exchange refuses, "network" or "timeout" where no
---answer came.
---```lua
---kalshi.delete_rfq("RFQ_ID")
---```
---@async
---@param rfq_id string the exchange's id of the request
---@param query? kalshi.CallOptions what narrows it
function kalshi.delete_rfq(rfq_id, query) end

---What `kalshi.get_rfq` answers.
---@class kalshi.GetRfqAnswer
---@field rfq kalshi.GetRfqsAnswerRfqs

---One request for quotes. Raises "validation" for a wrong parameter, "auth" without a key that may do it, "http" for
---what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_rfq("RFQ_ID")
---```
---@async
---@param rfq_id string the exchange's id of the request
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.GetRfqAnswer answer of the exchange
function kalshi.get_rfq(rfq_id, query) end

---Takes a quote back. Raises "validation" for a wrong parameter, "auth" without a key that may do it, "permission" on
---production without `--live`, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.delete_rfq_quote("RFQ_ID", "QUOTE_ID")
---```
---@async
---@param rfq_id string the exchange's id of the request
---@param quote_id string the exchange's id of the quote
---@param query? kalshi.CallOptions what narrows it
function kalshi.delete_rfq_quote(rfq_id, quote_id, query) end

---What `kalshi.get_rfq_quote` answers.
---@class kalshi.GetRfqQuoteAnswer
---@field quote kalshi.GetQuotesAnswerQuotes

---One quote of a request. Raises "validation" for a wrong parameter, "auth" without a key that may do it, "http" for
---what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_rfq_quote("RFQ_ID", "QUOTE_ID")
---```
---@async
---@param rfq_id string the exchange's id of the request
---@param quote_id string the exchange's id of the quote
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.GetRfqQuoteAnswer answer of the exchange
function kalshi.get_rfq_quote(rfq_id, quote_id, query) end

---What `kalshi.accept_rfq_quote` takes by name.
---@class kalshi.AcceptRfqQuoteQuery: kalshi.CallOptions
---@field accepted_side "yes"|"no" the side of the quote that is taken

---Accepts one side of a quote. Raises "validation" for a wrong parameter, "auth" without a key that may do it,
---"permission" on production without `--live`, "risk" where a limit forbids it, "http" for what the exchange refuses,
---"network" or "timeout" where no answer came.
---```lua
---kalshi.accept_rfq_quote("RFQ_ID", "QUOTE_ID", { accepted_side = "yes" })
---```
---@async
---@param rfq_id string the exchange's id of the request
---@param quote_id string the exchange's id of the quote
---@param query kalshi.AcceptRfqQuoteQuery with what is required
function kalshi.accept_rfq_quote(rfq_id, quote_id, query) end

---Confirms a quote that was accepted, so that its orders go to the book. Raises "validation" for a wrong parameter,
---"auth" without a key that may do it, "permission" on production without `--live`, "http" for what the exchange
---refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.confirm_rfq_quote("RFQ_ID", "QUOTE_ID")
---```
---@async
---@param rfq_id string the exchange's id of the request
---@param quote_id string the exchange's id of the quote
---@param query? kalshi.CallOptions what narrows it
function kalshi.confirm_rfq_quote(rfq_id, quote_id, query) end

---What `kalshi.get_events` takes by name.
---@class kalshi.GetEventsQuery: kalshi.CallOptions
---@field limit? integer rows of a page
---@field cursor? string where to go on: the cursor of the page before
---@field with_nested_markets? boolean with the markets in each event
---@field with_milestones? boolean with the milestones of the events
---@field status? "unopened"|"open"|"closed"|"settled" which ones
---@field series_ticker? string of the series
---@field tickers? string[] of the events
---@field min_close_ts? integer trading ends not before, seconds since 1970
---@field min_updated_ts? integer changed since, seconds since 1970

---A part of kalshi.GetEventsAnswer.
---@class kalshi.GetEventsAnswerMilestones
---@field id string
---@field category string
---@field type string
---@field start_date string a time in UTC
---@field related_event_tickers string[]
---@field title string
---@field notification_message string
---@field details table
---@field primary_event_tickers string[]
---@field last_updated_ts string a time in UTC
---@field end_date? string a time in UTC
---@field source_id? string
---@field source_ids? table<string, string>

---What `kalshi.get_events` answers.
---@class kalshi.GetEventsAnswer
---@field events kalshi.Event[]
---@field cursor string for the next page; empty at the last
---@field milestones? kalshi.GetEventsAnswerMilestones[] one table for each

---Events, with their markets where asked for; combos are with get_multivariate_events. Raises "validation" for a wrong
---parameter, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_events{ limit = 5 }
---```
---@async
---@param query? kalshi.GetEventsQuery what narrows it
---@return kalshi.GetEventsAnswer answer of the exchange
function kalshi.get_events(query) end

---What `kalshi.get_event` takes by name.
---@class kalshi.GetEventQuery: kalshi.CallOptions
---@field with_nested_markets? boolean with the markets in each event

---What `kalshi.get_event` answers.
---@class kalshi.GetEventAnswer
---@field event kalshi.Event
---@field markets kalshi.Market[]

---One event with its markets. Raises "validation" for a wrong parameter, "http" for what the exchange refuses,
---"network" or "timeout" where no answer came.
---```lua
---kalshi.get_event(kalshi.get_market(ticker).market.event_ticker)
---```
---@async
---@param event_ticker string of the event
---@param query? kalshi.GetEventQuery what narrows it
---@return kalshi.GetEventAnswer answer of the exchange
function kalshi.get_event(event_ticker, query) end

---A part of kalshi.GetEventMetadataAnswer.
---@class kalshi.GetEventMetadataAnswerSettlementSources
---@field name? string
---@field url? string

---A part of kalshi.GetEventMetadataAnswer.
---@class kalshi.GetEventMetadataAnswerMarketDetails
---@field market_ticker string
---@field image_url string
---@field color_code string

---What `kalshi.get_event_metadata` answers.
---@class kalshi.GetEventMetadataAnswer
---@field image_url string
---@field settlement_sources kalshi.GetEventMetadataAnswerSettlementSources[]
---@field market_details kalshi.GetEventMetadataAnswerMarketDetails[]
---@field competition? string
---@field competition_scope? string
---@field featured_image_url? string

---Pictures, sources and the like of an event. Raises "validation" for a wrong parameter, "http" for what the exchange
---refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_event_metadata(kalshi.get_market(ticker).market.event_ticker)
---```
---@async
---@param event_ticker string of the event
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.GetEventMetadataAnswer answer of the exchange
function kalshi.get_event_metadata(event_ticker, query) end

---What `kalshi.get_event_fee_changes` takes by name.
---@class kalshi.GetEventFeeChangesQuery: kalshi.CallOptions
---@field event_ticker? string of the event
---@field limit? integer rows of a page
---@field cursor? string where to go on: the cursor of the page before

---A part of kalshi.GetEventFeeChangesAnswer.
---@class kalshi.GetEventFeeChangesAnswerEventFeeChanges
---@field id string
---@field event_ticker string
---@field series_ticker string
---@field fee_type_override? "quadratic"|"quadratic_with_maker_fees"|"quadratic_with_combo_maker_fees"|"flat"
---@field fee_multiplier_override? number what the usual fee is multiplied by
---@field scheduled_ts string a time in UTC

---What `kalshi.get_event_fee_changes` answers.
---@class kalshi.GetEventFeeChangesAnswer
---@field event_fee_changes kalshi.GetEventFeeChangesAnswerEventFeeChanges[]
---@field cursor string for the next page; empty at the last

---Fees of events that differ, or will differ, from those of their series. Raises "validation" for a wrong parameter,
---"http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_event_fee_changes{ limit = 5 }
---```
---@async
---@param query? kalshi.GetEventFeeChangesQuery what narrows it
---@return kalshi.GetEventFeeChangesAnswer answer of the exchange
function kalshi.get_event_fee_changes(query) end

---What `kalshi.get_multivariate_events` takes by name.
---@class kalshi.GetMultivariateEventsQuery: kalshi.CallOptions
---@field limit? integer rows of a page
---@field cursor? string where to go on: the cursor of the page before
---@field series_ticker? string of the series
---@field collection_ticker? string of the collection
---@field with_nested_markets? boolean with the markets in each event

---What `kalshi.get_multivariate_events` answers.
---@class kalshi.GetMultivariateEventsAnswer
---@field events kalshi.Event[]
---@field cursor string for the next page; empty at the last

---Events of combos, which are made of several other markets. Raises "validation" for a wrong parameter, "http" for what
---the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_multivariate_events{ limit = 5 }
---```
---@async
---@param query? kalshi.GetMultivariateEventsQuery what narrows it
---@return kalshi.GetMultivariateEventsAnswer answer of the exchange
function kalshi.get_multivariate_events(query) end

---What `kalshi.get_market_candlesticks_by_event` takes by name.
---@class kalshi.GetMarketCandlesticksByEventQuery: kalshi.CallOptions
---@field start_ts integer from, seconds since 1970
---@field end_ts integer until, seconds since 1970
---@field period_interval "1"|"60"|"1440" minutes of a candle

---What `kalshi.get_market_candlesticks_by_event` answers.
---@class kalshi.GetMarketCandlesticksByEventAnswer
---@field market_tickers string[]
---@field market_candlesticks kalshi.Candle[][] one list of candles for each market
---@field adjusted_end_ts integer seconds since 1970

---Candles of all markets of an event. Raises "validation" for a wrong parameter, "http" for what the exchange refuses,
---"network" or "timeout" where no answer came.
---```lua
---kalshi.get_market_candlesticks_by_event("KXHIGHNY", ticker, { start_ts = os.time() - 86400, end_ts = os.time(), period_interval = 60 })
---```
---@async
---@param series_ticker string of the series
---@param ticker string of the event
---@param query kalshi.GetMarketCandlesticksByEventQuery with what is required
---@return kalshi.GetMarketCandlesticksByEventAnswer answer of the exchange
function kalshi.get_market_candlesticks_by_event(series_ticker, ticker, query) end

---What `kalshi.get_event_forecast_percentiles_history` takes by name.
---@class kalshi.GetEventForecastPercentilesHistoryQuery: kalshi.CallOptions
---@field percentiles integer[] hundredths of a percent, 0 to 9999
---@field start_ts integer from, seconds since 1970
---@field end_ts integer until, seconds since 1970
---@field period_interval "0"|"1"|"60"|"1440" minutes of a candle

---A part of kalshi.GetEventForecastPercentilesHistoryAnswerForecastHistory.
---@class kalshi.GetEventForecastPercentilesHistoryAnswerForecastHistoryPercentilePoints
---@field percentile integer percent
---@field raw_numerical_forecast number in the unit of the question
---@field numerical_forecast number in the unit of the question
---@field formatted_forecast string

---A part of kalshi.GetEventForecastPercentilesHistoryAnswer.
---@class kalshi.GetEventForecastPercentilesHistoryAnswerForecastHistory
---@field event_ticker string
---@field end_period_ts integer seconds since 1970
---@field period_interval integer minutes
---@field percentile_points kalshi.GetEventForecastPercentilesHistoryAnswerForecastHistoryPercentilePoints[]

---What `kalshi.get_event_forecast_percentiles_history` answers.
---@class kalshi.GetEventForecastPercentilesHistoryAnswer
---@field forecast_history kalshi.GetEventForecastPercentilesHistoryAnswerForecastHistory[]

---What the markets of an event expected over time. Raises "validation" for a wrong parameter, "auth" without a key that
---may do it, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_event_forecast_percentiles_history("KXHIGHNY", ticker, { percentiles = { 5000 }, start_ts = os.time() - 86400, end_ts = os.time(), period_interval = 60 })
---```
---@async
---@param series_ticker string of the series
---@param ticker string of the event
---@param query kalshi.GetEventForecastPercentilesHistoryQuery with what is required
---@return kalshi.GetEventForecastPercentilesHistoryAnswer answer of the exchange
function kalshi.get_event_forecast_percentiles_history(series_ticker, ticker, query) end

---A part of kalshi.GetExchangeScheduleAnswerScheduleStandardHours.
---@class kalshi.GetExchangeScheduleAnswerScheduleStandardHoursMonday
---@field open_time string
---@field close_time string

---A part of kalshi.GetExchangeScheduleAnswerSchedule.
---@class kalshi.GetExchangeScheduleAnswerScheduleStandardHours
---@field start_time string a time in UTC
---@field end_time string a time in UTC
---@field monday kalshi.GetExchangeScheduleAnswerScheduleStandardHoursMonday[]
---@field tuesday kalshi.GetExchangeScheduleAnswerScheduleStandardHoursMonday[]
---@field wednesday kalshi.GetExchangeScheduleAnswerScheduleStandardHoursMonday[]
---@field thursday kalshi.GetExchangeScheduleAnswerScheduleStandardHoursMonday[]
---@field friday kalshi.GetExchangeScheduleAnswerScheduleStandardHoursMonday[]
---@field saturday kalshi.GetExchangeScheduleAnswerScheduleStandardHoursMonday[]
---@field sunday kalshi.GetExchangeScheduleAnswerScheduleStandardHoursMonday[]

---A part of kalshi.GetExchangeScheduleAnswerSchedule.
---@class kalshi.GetExchangeScheduleAnswerScheduleMaintenanceWindows
---@field start_datetime string a time in UTC
---@field end_datetime string a time in UTC

---A part of kalshi.GetExchangeScheduleAnswer.
---@class kalshi.GetExchangeScheduleAnswerSchedule
---@field standard_hours kalshi.GetExchangeScheduleAnswerScheduleStandardHours[]
---@field maintenance_windows kalshi.GetExchangeScheduleAnswerScheduleMaintenanceWindows[]

---What `kalshi.get_exchange_schedule` answers.
---@class kalshi.GetExchangeScheduleAnswer
---@field schedule kalshi.GetExchangeScheduleAnswerSchedule hours of trading, and of maintenance, in New York

---When the exchange trades, and when it is maintained. Raises "validation" for a wrong parameter, "http" for what the
---exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_exchange_schedule()
---```
---@async
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.GetExchangeScheduleAnswer answer of the exchange
function kalshi.get_exchange_schedule(query) end

---A part of kalshi.GetExchangeStatusAnswer.
---@class kalshi.GetExchangeStatusAnswerExchangeIndexStatuses
---@field exchange_index integer number of the shard
---@field description string
---@field exchange_active boolean
---@field trading_active boolean
---@field intra_exchange_transfers_active boolean

---What `kalshi.get_exchange_status` answers.
---@class kalshi.GetExchangeStatusAnswer
---@field exchange_active boolean it answers at all
---@field trading_active boolean orders are taken
---@field exchange_estimated_resume_time? string when it should go on
---@field exchange_index_statuses? kalshi.GetExchangeStatusAnswerExchangeIndexStatuses[] the same for each shard
---@field intra_exchange_transfers_active? boolean money can be moved between shards

---Whether the exchange is up, and whether it trades. Raises "validation" for a wrong parameter, "http" for what the
---exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_exchange_status()
---```
---@async
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.GetExchangeStatusAnswer answer of the exchange
function kalshi.get_exchange_status(query) end

---What `kalshi.get_user_data_timestamp` answers.
---@class kalshi.GetUserDataTimestampAnswer
---@field as_of_time string answers have everything until then

---How new the answers about orders, fills, positions and balance are. Raises "validation" for a wrong parameter, "http"
---for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_user_data_timestamp()
---```
---@async
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.GetUserDataTimestampAnswer answer of the exchange
function kalshi.get_user_data_timestamp(query) end

---What `kalshi.get_series_fee_changes` takes by name.
---@class kalshi.GetSeriesFeeChangesQuery: kalshi.CallOptions
---@field series_ticker? string of the series
---@field show_historical? boolean past ones, too

---A part of kalshi.GetSeriesFeeChangesAnswer.
---@class kalshi.GetSeriesFeeChangesAnswerSeriesFeeChangeArr
---@field id string
---@field series_ticker string
---@field fee_type "quadratic"|"quadratic_with_maker_fees"|"quadratic_with_combo_maker_fees"|"flat"
---@field fee_multiplier number what the usual fee is multiplied by
---@field scheduled_ts string a time in UTC

---What `kalshi.get_series_fee_changes` answers.
---@class kalshi.GetSeriesFeeChangesAnswer
---@field series_fee_change_arr kalshi.GetSeriesFeeChangesAnswerSeriesFeeChangeArr[]

---Fees of series that have changed or will change. Raises "validation" for a wrong parameter, "http" for what the
---exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_series_fee_changes()
---```
---@async
---@param query? kalshi.GetSeriesFeeChangesQuery what narrows it
---@return kalshi.GetSeriesFeeChangesAnswer answer of the exchange
function kalshi.get_series_fee_changes(query) end

---What `kalshi.get_fcm_fills` takes by name.
---@class kalshi.GetFcmFillsQuery: kalshi.CallOptions
---@field subtrader_id? string of the customer of a clearing member
---@field cursor? string where to go on: the cursor of the page before
---@field limit? integer rows of a page

---A part of kalshi.GetFcmFillsAnswer.
---@class kalshi.GetFcmFillsAnswerFills
---@field fill_id string
---@field exchange_index integer number of the shard
---@field trade_id string
---@field order_id string
---@field ticker string
---@field market_ticker string
---@field outcome_side "yes"|"no"
---@field book_side "bid"|"ask"
---@field count_fp number contracts
---@field yes_price_dollars number dollars
---@field no_price_dollars number dollars
---@field is_taker boolean
---@field fee_cost number dollars
---@field action? "buy"|"sell" deprecated
---@field created_time? string a time in UTC
---@field side? "yes"|"no" deprecated
---@field subaccount_number? integer 0 is the primary one, 1 to 63 are the numbered ones
---@field ts? integer seconds since 1970

---What `kalshi.get_fcm_fills` answers.
---@class kalshi.GetFcmFillsAnswer
---@field fills kalshi.GetFcmFillsAnswerFills[] one table for each fill
---@field cursor string for the next page; empty at the last

---Fills of a clearing member's customers. Raises "validation" for a wrong parameter, "auth" without a key that may do
---it, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_fcm_fills{ limit = 5 }
---```
---@async
---@param query? kalshi.GetFcmFillsQuery what narrows it
---@return kalshi.GetFcmFillsAnswer answer of the exchange
function kalshi.get_fcm_fills(query) end

---What `kalshi.get_fcm_orders` takes by name.
---@class kalshi.GetFcmOrdersQuery: kalshi.CallOptions
---@field subtrader_id? string of the customer of a clearing member
---@field cursor? string where to go on: the cursor of the page before
---@field event_ticker? string of the event
---@field ticker? string of the market
---@field min_ts? integer not before, seconds since 1970
---@field max_ts? integer not after, seconds since 1970
---@field status? "resting"|"canceled"|"executed" which ones
---@field limit? integer rows of a page
---@field client_order_ids? string of the orders

---A part of kalshi.GetFcmOrdersAnswer.
---@class kalshi.GetFcmOrdersAnswerOrders
---@field order_id string
---@field user_id string
---@field client_order_id string
---@field ticker string
---@field outcome_side "yes"|"no"
---@field book_side "bid"|"ask"
---@field type "limit"|"market"
---@field status "resting"|"canceled"|"executed"
---@field yes_price_dollars number dollars
---@field no_price_dollars number dollars
---@field fill_count_fp number contracts
---@field remaining_count_fp number contracts
---@field initial_count_fp number contracts
---@field taker_fees_dollars number dollars
---@field maker_fees_dollars number dollars
---@field taker_fill_cost_dollars number dollars
---@field maker_fill_cost_dollars number dollars
---@field action? "buy"|"sell" deprecated
---@field cancel_order_on_pause? boolean
---@field created_time? string a time in UTC
---@field exchange_index? integer number of the shard
---@field expiration_time? string a time in UTC
---@field last_update_time? string a time in UTC
---@field order_group_id? string
---@field self_trade_prevention_type? "taker_at_cross"|"maker"
---@field side? "yes"|"no" deprecated
---@field subaccount_number? integer 0 is the primary one, 1 to 63 are the numbered ones

---What `kalshi.get_fcm_orders` answers.
---@class kalshi.GetFcmOrdersAnswer
---@field orders kalshi.GetFcmOrdersAnswerOrders[] one table for each order
---@field cursor string for the next page; empty at the last

---Orders of a clearing member's customers. Raises "validation" for a wrong parameter, "auth" without a key that may do
---it, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_fcm_orders{ limit = 5 }
---```
---@async
---@param query? kalshi.GetFcmOrdersQuery what narrows it
---@return kalshi.GetFcmOrdersAnswer answer of the exchange
function kalshi.get_fcm_orders(query) end

---What `kalshi.get_fcm_positions` takes by name.
---@class kalshi.GetFcmPositionsQuery: kalshi.CallOptions
---@field subtrader_id string of the customer of a clearing member
---@field ticker? string of the market
---@field event_ticker? string of the event
---@field count_filter? string only with a number that is not 0 in these
---@field settlement_status? "all"|"unsettled"|"settled" unsettled ones, settled ones, or both
---@field limit? integer rows of a page
---@field cursor? string where to go on: the cursor of the page before

---A part of kalshi.GetFcmPositionsAnswer.
---@class kalshi.GetFcmPositionsAnswerMarketPositions
---@field ticker string
---@field exchange_index integer number of the shard
---@field total_traded_dollars number dollars
---@field position_fp number contracts
---@field market_exposure_dollars number dollars
---@field realized_pnl_dollars number dollars
---@field fees_paid_dollars number dollars
---@field last_updated_ts string a time in UTC

---A part of kalshi.GetFcmPositionsAnswer.
---@class kalshi.GetFcmPositionsAnswerEventPositions
---@field event_ticker string
---@field total_cost_dollars number dollars
---@field total_cost_shares_fp number contracts
---@field event_exposure_dollars number dollars
---@field realized_pnl_dollars number dollars
---@field fees_paid_dollars number dollars

---What `kalshi.get_fcm_positions` answers.
---@class kalshi.GetFcmPositionsAnswer
---@field market_positions kalshi.GetFcmPositionsAnswerMarketPositions[] by market
---@field event_positions kalshi.GetFcmPositionsAnswerEventPositions[] by event
---@field cursor? string for the next page; empty at the last

---Positions of a clearing member's customers. Raises "validation" for a wrong parameter, "auth" without a key that may
---do it, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_fcm_positions{ subtrader_id = "SUBTRADER_ID" }
---```
---@async
---@param query kalshi.GetFcmPositionsQuery with what is required
---@return kalshi.GetFcmPositionsAnswer answer of the exchange
function kalshi.get_fcm_positions(query) end

---A part of kalshi.ListFcmSubtradersAnswer.
---@class kalshi.ListFcmSubtradersAnswerSubtraders
---@field subtrader_id string
---@field exchange_indices integer[] number of the shard
---@field trading_blocked boolean
---@field fcm_trading_blocked boolean
---@field propagation_pending boolean

---What `kalshi.list_fcm_subtraders` answers.
---@class kalshi.ListFcmSubtradersAnswer
---@field subtraders kalshi.ListFcmSubtradersAnswerSubtraders[]

---The customers of a clearing member. Raises "validation" for a wrong parameter, "auth" without a key that may do it,
---"http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.list_fcm_subtraders()
---```
---@async
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.ListFcmSubtradersAnswer answer of the exchange
function kalshi.list_fcm_subtraders(query) end

---What `kalshi.create_fcm_subtrader` takes by name.
---@class kalshi.CreateFcmSubtraderQuery: kalshi.CallOptions
---@field subtrader_suffix string what the customer's id ends with

---What `kalshi.create_fcm_subtrader` answers.
---@class kalshi.CreateFcmSubtraderAnswer
---@field subtrader_id string

---Registers a customer of a clearing member. Raises "validation" for a wrong parameter, "auth" without a key that may
---do it, "permission" on production without `--live`, "http" for what the exchange refuses, "network" or "timeout"
---where no answer came.
---```lua
---kalshi.create_fcm_subtrader{ subtrader_suffix = "SUBTRADER_SUFFIX" }
---```
---@async
---@param query kalshi.CreateFcmSubtraderQuery with what is required
---@return kalshi.CreateFcmSubtraderAnswer answer of the exchange
function kalshi.create_fcm_subtrader(query) end

---What `kalshi.get_fcm_subtrader_blocked_categories` takes by name.
---@class kalshi.GetFcmSubtraderBlockedCategoriesQuery: kalshi.CallOptions
---@field subtrader_id string of the customer of a clearing member

---What `kalshi.get_fcm_subtrader_blocked_categories` answers.
---@class kalshi.GetFcmSubtraderBlockedCategoriesAnswer
---@field categories string[]

---The categories that a customer of a clearing member may not trade. Raises "validation" for a wrong parameter, "auth"
---without a key that may do it, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_fcm_subtrader_blocked_categories{ subtrader_id = "SUBTRADER_ID" }
---```
---@async
---@param query kalshi.GetFcmSubtraderBlockedCategoriesQuery with what is required
---@return kalshi.GetFcmSubtraderBlockedCategoriesAnswer answer of the exchange
function kalshi.get_fcm_subtrader_blocked_categories(query) end

---What `kalshi.update_fcm_subtrader_blocked_categories` takes by name.
---@class kalshi.UpdateFcmSubtraderBlockedCategoriesQuery: kalshi.CallOptions
---@field subtrader_id string of the customer of a clearing member
---@field category string one category, as series have it
---@field blocked boolean whether the category is blocked

---Says which categories a customer of a clearing member may not trade. Raises "validation" for a wrong parameter,
---"auth" without a key that may do it, "permission" on production without `--live`, "http" for what the exchange
---refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.update_fcm_subtrader_blocked_categories{ subtrader_id = "SUBTRADER_ID", category = "CATEGORY", blocked = true }
---```
---@async
---@param query kalshi.UpdateFcmSubtraderBlockedCategoriesQuery with what is required
---@return kalshi.GetFcmSubtraderBlockedCategoriesAnswer answer of the exchange
function kalshi.update_fcm_subtrader_blocked_categories(query) end

---What `kalshi.delete_fcm_event_contract_daily_cap` takes by name.
---@class kalshi.DeleteFcmEventContractDailyCapQuery: kalshi.CallOptions
---@field subtrader_id string of the customer of a clearing member

---Ends the daily limit of a clearing member's customer. Raises "validation" for a wrong parameter, "auth" without a key
---that may do it, "permission" on production without `--live`, "http" for what the exchange refuses, "network" or
---"timeout" where no answer came.
---```lua
---kalshi.delete_fcm_event_contract_daily_cap{ subtrader_id = "SUBTRADER_ID" }
---```
---@async
---@param query kalshi.DeleteFcmEventContractDailyCapQuery with what is required
---@return table answer of the exchange
function kalshi.delete_fcm_event_contract_daily_cap(query) end

---What `kalshi.get_fcm_event_contract_daily_cap` takes by name.
---@class kalshi.GetFcmEventContractDailyCapQuery: kalshi.CallOptions
---@field subtrader_id string of the customer of a clearing member

---What `kalshi.get_fcm_event_contract_daily_cap` answers.
---@class kalshi.GetFcmEventContractDailyCapAnswer
---@field subtrader_id string
---@field limit string
---@field executed_utilization string
---@field resting_order_utilization string
---@field pending_order_utilization string
---@field cap_date string

---The daily limit of a clearing member's customer. Raises "validation" for a wrong parameter, "auth" without a key that
---may do it, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_fcm_event_contract_daily_cap{ subtrader_id = "SUBTRADER_ID" }
---```
---@async
---@param query kalshi.GetFcmEventContractDailyCapQuery with what is required
---@return kalshi.GetFcmEventContractDailyCapAnswer answer of the exchange
function kalshi.get_fcm_event_contract_daily_cap(query) end

---What `kalshi.update_fcm_event_contract_daily_cap` takes by name.
---@class kalshi.UpdateFcmEventContractDailyCapQuery: kalshi.CallOptions
---@field subtrader_id string of the customer of a clearing member
---@field limit string the limit of a day

---Sets the daily limit of a clearing member's customer. Raises "validation" for a wrong parameter, "auth" without a key
---that may do it, "permission" on production without `--live`, "http" for what the exchange refuses, "network" or
---"timeout" where no answer came.
---```lua
---kalshi.update_fcm_event_contract_daily_cap{ subtrader_id = "SUBTRADER_ID", limit = "LIMIT" }
---```
---@async
---@param query kalshi.UpdateFcmEventContractDailyCapQuery with what is required
---@return table answer of the exchange
function kalshi.update_fcm_event_contract_daily_cap(query) end

---What `kalshi.get_historical_cutoff` answers.
---@class kalshi.GetHistoricalCutoffAnswer
---@field market_settled_ts string markets settled before
---@field trades_created_ts string trades and fills before
---@field orders_updated_ts string orders done before
---@field market_positions_last_updated_ts? string positions settled before

---The times before which markets, trades, fills and orders are in the history only. Raises "validation" for a wrong
---parameter, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_historical_cutoff()
---```
---@async
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.GetHistoricalCutoffAnswer answer of the exchange
function kalshi.get_historical_cutoff(query) end

---What `kalshi.get_fills_historical` takes by name.
---@class kalshi.GetFillsHistoricalQuery: kalshi.CallOptions
---@field ticker? string of the market
---@field max_ts? integer not after, seconds since 1970
---@field limit? integer rows of a page
---@field cursor? string where to go on: the cursor of the page before
---@field min_ts? integer not before, seconds since 1970
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones

---The account's fills that have moved to the history. Raises "validation" for a wrong parameter, "auth" without a key
---that may do it, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_fills_historical{ limit = 5 }
---```
---@async
---@param query? kalshi.GetFillsHistoricalQuery what narrows it
---@return kalshi.GetFcmFillsAnswer answer of the exchange
function kalshi.get_fills_historical(query) end

---What `kalshi.get_historical_markets` takes by name.
---@class kalshi.GetHistoricalMarketsQuery: kalshi.CallOptions
---@field limit? integer rows of a page
---@field cursor? string where to go on: the cursor of the page before
---@field tickers? string[] of the markets
---@field event_ticker? string of the event
---@field series_ticker? string of the series
---@field mve_filter? "exclude" combos only, or all but combos

---What `kalshi.get_historical_markets` answers.
---@class kalshi.GetHistoricalMarketsAnswer
---@field markets kalshi.Market[]
---@field cursor string for the next page; empty at the last

---Settled markets that have moved to the history. Raises "validation" for a wrong parameter, "http" for what the
---exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_historical_markets{ limit = 5 }
---```
---@async
---@param query? kalshi.GetHistoricalMarketsQuery what narrows it
---@return kalshi.GetHistoricalMarketsAnswer answer of the exchange
function kalshi.get_historical_markets(query) end

---What `kalshi.get_historical_market` answers.
---@class kalshi.GetHistoricalMarketAnswer
---@field market kalshi.Market

---One market of the history. Raises "validation" for a wrong parameter, "http" for what the exchange refuses, "network"
---or "timeout" where no answer came.
---```lua
---kalshi.get_historical_market(ticker)
---```
---@async
---@param ticker string of the market
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.GetHistoricalMarketAnswer answer of the exchange
function kalshi.get_historical_market(ticker, query) end

---What `kalshi.get_market_candlesticks_historical` takes by name.
---@class kalshi.GetMarketCandlesticksHistoricalQuery: kalshi.CallOptions
---@field start_ts integer from, seconds since 1970
---@field end_ts integer until, seconds since 1970
---@field period_interval "1"|"60"|"1440" minutes of a candle

---A part of kalshi.GetMarketCandlesticksHistoricalAnswerCandlesticks.
---@class kalshi.GetMarketCandlesticksHistoricalAnswerCandlesticksYesBid
---@field open number dollars
---@field low number dollars
---@field high number dollars
---@field close number dollars

---A part of kalshi.GetMarketCandlesticksHistoricalAnswerCandlesticks.
---@class kalshi.GetMarketCandlesticksHistoricalAnswerCandlesticksPrice
---@field open? number dollars
---@field low? number dollars
---@field high? number dollars
---@field close? number dollars
---@field mean? number dollars
---@field previous? number dollars

---A part of kalshi.GetMarketCandlesticksHistoricalAnswer.
---@class kalshi.GetMarketCandlesticksHistoricalAnswerCandlesticks
---@field end_period_ts integer seconds since 1970
---@field yes_bid kalshi.GetMarketCandlesticksHistoricalAnswerCandlesticksYesBid
---@field yes_ask kalshi.GetMarketCandlesticksHistoricalAnswerCandlesticksYesBid
---@field price kalshi.GetMarketCandlesticksHistoricalAnswerCandlesticksPrice
---@field volume number contracts
---@field open_interest number contracts

---What `kalshi.get_market_candlesticks_historical` answers.
---@class kalshi.GetMarketCandlesticksHistoricalAnswer
---@field ticker string
---@field candlesticks kalshi.GetMarketCandlesticksHistoricalAnswerCandlesticks[]

---Candles of a market that has moved to the history. Raises "validation" for a wrong parameter, "http" for what the
---exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_market_candlesticks_historical(ticker, { start_ts = os.time() - 86400, end_ts = os.time(), period_interval = 60 })
---```
---@async
---@param ticker string of the market
---@param query kalshi.GetMarketCandlesticksHistoricalQuery with what is required
---@return kalshi.GetMarketCandlesticksHistoricalAnswer answer of the exchange
function kalshi.get_market_candlesticks_historical(ticker, query) end

---What `kalshi.get_historical_orders` takes by name.
---@class kalshi.GetHistoricalOrdersQuery: kalshi.CallOptions
---@field ticker? string of the market
---@field max_ts? integer not after, seconds since 1970
---@field limit? integer rows of a page
---@field cursor? string where to go on: the cursor of the page before
---@field min_ts? integer not before, seconds since 1970
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones

---The account's orders that have moved to the history. Raises "validation" for a wrong parameter, "auth" without a key
---that may do it, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_historical_orders{ limit = 5 }
---```
---@async
---@param query? kalshi.GetHistoricalOrdersQuery what narrows it
---@return kalshi.GetFcmOrdersAnswer answer of the exchange
function kalshi.get_historical_orders(query) end

---What `kalshi.get_historical_positions` takes by name.
---@class kalshi.GetHistoricalPositionsQuery: kalshi.CallOptions
---@field ticker? string of the market
---@field event_ticker? string of the event
---@field limit? integer rows of a page
---@field cursor? string where to go on: the cursor of the page before
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones

---The account's positions that have moved to the history. Raises "validation" for a wrong parameter, "auth" without a
---key that may do it, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_historical_positions{ limit = 5 }
---```
---@async
---@param query? kalshi.GetHistoricalPositionsQuery what narrows it
---@return kalshi.GetFcmPositionsAnswer answer of the exchange
function kalshi.get_historical_positions(query) end

---What `kalshi.get_trades_historical` takes by name.
---@class kalshi.GetTradesHistoricalQuery: kalshi.CallOptions
---@field ticker? string of the market
---@field min_ts? integer not before, seconds since 1970
---@field max_ts? integer not after, seconds since 1970
---@field limit? integer rows of a page
---@field cursor? string where to go on: the cursor of the page before
---@field is_block_trade? boolean only block trades, or only others

---What `kalshi.get_trades_historical` answers.
---@class kalshi.GetTradesHistoricalAnswer
---@field trades kalshi.Trade[]
---@field cursor string for the next page; empty at the last

---Trades that have moved to the history. Raises "validation" for a wrong parameter, "http" for what the exchange
---refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_trades_historical{ limit = 5 }
---```
---@async
---@param query? kalshi.GetTradesHistoricalQuery what narrows it
---@return kalshi.GetTradesHistoricalAnswer answer of the exchange
function kalshi.get_trades_historical(query) end

---What `kalshi.get_incentive_programs` takes by name.
---@class kalshi.GetIncentiveProgramsQuery: kalshi.CallOptions
---@field status? "all"|"active"|"upcoming"|"closed"|"paid_out" which ones
---@field type? "all"|"liquidity"|"volume"|"margin_maker_volume" which kind
---@field incentive_description? string words of its description
---@field limit? integer rows of a page
---@field cursor? string where to go on: the cursor of the page before

---A part of kalshi.GetIncentiveProgramsAnswer.
---@class kalshi.GetIncentiveProgramsAnswerIncentivePrograms
---@field id string
---@field market_id string
---@field market_ticker string
---@field incentive_type "liquidity"|"volume"|"margin_maker_volume"|"margin_taker_volume"
---@field incentive_description string
---@field start_date string a time in UTC
---@field end_date string a time in UTC
---@field period_reward integer 1/10,000 dollar
---@field paid_out boolean
---@field discount_factor_bps? integer basis points
---@field max_reward_per_account? integer 1/10,000 dollar
---@field target_size_fp? number contracts

---What `kalshi.get_incentive_programs` answers.
---@class kalshi.GetIncentiveProgramsAnswer
---@field incentive_programs kalshi.GetIncentiveProgramsAnswerIncentivePrograms[] one table for each
---@field next_cursor? string for the next page; empty at the last

---Rewards for orders that rest near the price, or for volume, market by market. Raises "validation" for a wrong
---parameter, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_incentive_programs{ limit = 5 }
---```
---@async
---@param query? kalshi.GetIncentiveProgramsQuery what narrows it
---@return kalshi.GetIncentiveProgramsAnswer answer of the exchange
function kalshi.get_incentive_programs(query) end

---What `kalshi.get_live_datas` takes by name.
---@class kalshi.GetLiveDatasQuery: kalshi.CallOptions
---@field milestone_ids string[] of the milestones
---@field include_player_stats? boolean with numbers of the players

---A part of kalshi.GetLiveDatasAnswer.
---@class kalshi.GetLiveDatasAnswerLiveDatas
---@field type string
---@field details table
---@field milestone_id string

---What `kalshi.get_live_datas` answers.
---@class kalshi.GetLiveDatasAnswer
---@field live_datas kalshi.GetLiveDatasAnswerLiveDatas[] what happens in each

---What happens in several games or other milestones right now. Raises "validation" for a wrong parameter, "http" for
---what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_live_datas{ milestone_ids = { "MILESTONE_IDS" } }
---```
---@async
---@param query kalshi.GetLiveDatasQuery with what is required
---@return kalshi.GetLiveDatasAnswer answer of the exchange
function kalshi.get_live_datas(query) end

---What `kalshi.get_event_live_data` takes by name.
---@class kalshi.GetEventLiveDataQuery: kalshi.CallOptions
---@field range? string how far back

---A part of kalshi.GetEventLiveDataAnswer.
---@class kalshi.GetEventLiveDataAnswerLiveData
---@field type string
---@field details table
---@field default_range? string
---@field is_historical? boolean
---@field range_options? string[]

---What `kalshi.get_event_live_data` answers.
---@class kalshi.GetEventLiveDataAnswer
---@field live_data kalshi.GetEventLiveDataAnswerLiveData what happens

---What happens right now in what an event is about: the score, the count. Raises "validation" for a wrong parameter,
---"http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_event_live_data(kalshi.get_events{ series_ticker = "KXHIGHNY", limit = 1 }.events[1].event_ticker)
---```
---@async
---@param event_ticker string of the event
---@param query? kalshi.GetEventLiveDataQuery what narrows it
---@return kalshi.GetEventLiveDataAnswer answer of the exchange
function kalshi.get_event_live_data(event_ticker, query) end

---What `kalshi.get_live_data_by_milestone` takes by name.
---@class kalshi.GetLiveDataByMilestoneQuery: kalshi.CallOptions
---@field include_player_stats? boolean with numbers of the players

---What `kalshi.get_live_data_by_milestone` answers.
---@class kalshi.GetLiveDataByMilestoneAnswer
---@field live_data kalshi.GetLiveDatasAnswerLiveDatas what happens

---What happens in a game or another milestone right now. Raises "validation" for a wrong parameter, "http" for what the
---exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_live_data_by_milestone("MILESTONE_ID")
---```
---@async
---@param milestone_id string of the milestone
---@param query? kalshi.GetLiveDataByMilestoneQuery what narrows it
---@return kalshi.GetLiveDataByMilestoneAnswer answer of the exchange
function kalshi.get_live_data_by_milestone(milestone_id, query) end

---A part of kalshi.GetGameStatsAnswerPbp.
---@class kalshi.GetGameStatsAnswerPbpPeriods
---@field events? table[]

---A part of kalshi.GetGameStatsAnswer.
---@class kalshi.GetGameStatsAnswerPbp
---@field periods? kalshi.GetGameStatsAnswerPbpPeriods[]

---What `kalshi.get_game_stats` answers.
---@class kalshi.GetGameStatsAnswer
---@field pbp? kalshi.GetGameStatsAnswerPbp

---The play-by-play of a game. Raises "validation" for a wrong parameter, "http" for what the exchange refuses,
---"network" or "timeout" where no answer came.
---```lua
---kalshi.get_game_stats("MILESTONE_ID")
---```
---@async
---@param milestone_id string of the milestone
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.GetGameStatsAnswer answer of the exchange
function kalshi.get_game_stats(milestone_id, query) end

---What `kalshi.get_weather_index` takes by name.
---@class kalshi.GetWeatherIndexQuery: kalshi.CallOptions
---@field from? integer not before, seconds since 1970
---@field to? integer not after, seconds since 1970
---@field last_sec? integer so many last seconds
---@field detailed? boolean with the single stations

---A part of kalshi.GetWeatherIndexAnswerTimeseries.
---@class kalshi.GetWeatherIndexAnswerTimeseriesStations
---@field station_id string
---@field code string
---@field obs_time_ms? integer milliseconds since 1970
---@field primary_code? string
---@field received_at_ms? integer milliseconds since 1970
---@field source? string
---@field temp_f? number degrees Fahrenheit

---A part of kalshi.GetWeatherIndexAnswer.
---@class kalshi.GetWeatherIndexAnswerTimeseries
---@field t integer milliseconds since 1970
---@field status string
---@field contributors? integer how many stations
---@field receipt_basis? string
---@field stations? kalshi.GetWeatherIndexAnswerTimeseriesStations[]
---@field v? number in the `units` of the answer

---What `kalshi.get_weather_index` answers.
---@class kalshi.GetWeatherIndexAnswer
---@field city string
---@field units string of the values
---@field timeseries kalshi.GetWeatherIndexAnswerTimeseries[] value by time
---@field config_version? string

---The temperature of a city as its markets count it. Raises "validation" for a wrong parameter, "http" for what the
---exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_weather_index("nyc")
---```
---@async
---@param city string the city's short name
---@param query? kalshi.GetWeatherIndexQuery what narrows it
---@return kalshi.GetWeatherIndexAnswer answer of the exchange
function kalshi.get_weather_index(city, query) end

---A part of kalshi.GetWeatherIndexCalibrationsAnswerCalibrations.
---@class kalshi.GetWeatherIndexCalibrationsAnswerCalibrationsStations
---@field station_id string
---@field weight number share, 0 to 1
---@field offset_c number degrees Celsius
---@field update_note? string

---A part of kalshi.GetWeatherIndexCalibrationsAnswer.
---@class kalshi.GetWeatherIndexCalibrationsAnswerCalibrations
---@field config_version string
---@field effective_at_ms integer milliseconds since 1970
---@field city_reference_c number degrees Celsius
---@field stations kalshi.GetWeatherIndexCalibrationsAnswerCalibrationsStations[]
---@field calibration_window_end_ms? integer milliseconds since 1970
---@field calibration_window_start_ms? integer milliseconds since 1970
---@field change_reason? string
---@field published_at_ms? integer milliseconds since 1970

---What `kalshi.get_weather_index_calibrations` answers.
---@class kalshi.GetWeatherIndexCalibrationsAnswer
---@field city string
---@field units string of the values
---@field calibrations kalshi.GetWeatherIndexCalibrationsAnswerCalibrations[]

---How a city's temperature is made from its stations. Raises "validation" for a wrong parameter, "http" for what the
---exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_weather_index_calibrations("nyc")
---```
---@async
---@param city string the city's short name
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.GetWeatherIndexCalibrationsAnswer answer of the exchange
function kalshi.get_weather_index_calibrations(city, query) end

---What `kalshi.get_market_orderbook` takes by name.
---@class kalshi.GetMarketOrderbookQuery: kalshi.CallOptions
---@field depth? integer best levels of each side; 0: all

---A part of kalshi.GetMarketOrderbookAnswer.
---@class kalshi.GetMarketOrderbookAnswerOrderbookFp
---@field yes_dollars string[][]
---@field no_dollars string[][]

---What `kalshi.get_market_orderbook` answers.
---@class kalshi.GetMarketOrderbookAnswer
---@field orderbook_fp kalshi.GetMarketOrderbookAnswerOrderbookFp bids for YES and for NO, { price, count } each, the best last

---The order book of a market as it is now; kalshi.book keeps one up to date. Raises "validation" for a wrong parameter,
---"auth" without a key that may do it, "http" for what the exchange refuses, "network" or "timeout" where no answer
---came.
---```lua
---kalshi.get_market_orderbook(ticker)
---```
---@async
---@param ticker string of the market
---@param query? kalshi.GetMarketOrderbookQuery what narrows it
---@return kalshi.GetMarketOrderbookAnswer answer of the exchange
function kalshi.get_market_orderbook(ticker, query) end

---What `kalshi.batch_get_market_candlesticks` takes by name.
---@class kalshi.BatchGetMarketCandlesticksQuery: kalshi.CallOptions
---@field market_tickers string[] of the markets
---@field start_ts integer from, seconds since 1970
---@field end_ts integer until, seconds since 1970
---@field period_interval integer minutes of a candle
---@field include_latest_before_start? boolean begin with the last price before the range

---A part of kalshi.BatchGetMarketCandlesticksAnswer.
---@class kalshi.BatchGetMarketCandlesticksAnswerMarkets
---@field market_ticker string
---@field candlesticks kalshi.Candle[]

---What `kalshi.batch_get_market_candlesticks` answers.
---@class kalshi.BatchGetMarketCandlesticksAnswer
---@field markets kalshi.BatchGetMarketCandlesticksAnswerMarkets[]

---Candles of up to 100 markets at once. Raises "validation" for a wrong parameter, "http" for what the exchange
---refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.batch_get_market_candlesticks{ market_tickers = { ticker }, start_ts = os.time() - 86400, end_ts = os.time(), period_interval = 60 }
---```
---@async
---@param query kalshi.BatchGetMarketCandlesticksQuery with what is required
---@return kalshi.BatchGetMarketCandlesticksAnswer answer of the exchange
function kalshi.batch_get_market_candlesticks(query) end

---What `kalshi.get_market_orderbooks` takes by name.
---@class kalshi.GetMarketOrderbooksQuery: kalshi.CallOptions
---@field tickers string[] of the markets

---A part of kalshi.GetMarketOrderbooksAnswer.
---@class kalshi.GetMarketOrderbooksAnswerOrderbooks
---@field ticker string
---@field orderbook_fp kalshi.GetMarketOrderbookAnswerOrderbookFp

---What `kalshi.get_market_orderbooks` answers.
---@class kalshi.GetMarketOrderbooksAnswer
---@field orderbooks kalshi.GetMarketOrderbooksAnswerOrderbooks[] a book for each market

---The order books of up to 100 markets at once. Raises "validation" for a wrong parameter, "auth" without a key that
---may do it, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_market_orderbooks{ tickers = { ticker } }
---```
---@async
---@param query kalshi.GetMarketOrderbooksQuery with what is required
---@return kalshi.GetMarketOrderbooksAnswer answer of the exchange
function kalshi.get_market_orderbooks(query) end

---What `kalshi.get_trades` takes by name.
---@class kalshi.GetTradesQuery: kalshi.CallOptions
---@field limit? integer rows of a page
---@field cursor? string where to go on: the cursor of the page before
---@field ticker? string of the market
---@field min_ts? integer not before, seconds since 1970
---@field max_ts? integer not after, seconds since 1970
---@field is_block_trade? boolean only block trades, or only others

---Trades of everybody, newest first. Raises "validation" for a wrong parameter, "http" for what the exchange refuses,
---"network" or "timeout" where no answer came.
---```lua
---kalshi.get_trades{ limit = 5 }
---```
---@async
---@param query? kalshi.GetTradesQuery what narrows it
---@return kalshi.GetTradesHistoricalAnswer answer of the exchange
function kalshi.get_trades(query) end

---What `kalshi.get_series_list` takes by name.
---@class kalshi.GetSeriesListQuery: kalshi.CallOptions
---@field category? string one category, as series have it
---@field tags? string words that series have
---@field include_product_metadata? boolean with what else the exchange says
---@field include_volume? boolean with what was traded
---@field min_updated_ts? integer changed since, seconds since 1970

---What `kalshi.get_series_list` answers.
---@class kalshi.GetSeriesListAnswer
---@field series kalshi.Series[]

---Series, by category and tags. Raises "validation" for a wrong parameter, "http" for what the exchange refuses,
---"network" or "timeout" where no answer came.
---```lua
---kalshi.get_series_list()
---```
---@async
---@param query? kalshi.GetSeriesListQuery what narrows it
---@return kalshi.GetSeriesListAnswer answer of the exchange
function kalshi.get_series_list(query) end

---What `kalshi.get_series` takes by name.
---@class kalshi.GetSeriesQuery: kalshi.CallOptions
---@field include_volume? boolean with what was traded

---What `kalshi.get_series` answers.
---@class kalshi.GetSeriesAnswer
---@field series kalshi.Series

---One series: what comes again and again, with fees and sources. Raises "validation" for a wrong parameter, "http" for
---what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_series("KXHIGHNY")
---```
---@async
---@param series_ticker string of the series
---@param query? kalshi.GetSeriesQuery what narrows it
---@return kalshi.GetSeriesAnswer answer of the exchange
function kalshi.get_series(series_ticker, query) end

---What `kalshi.get_market_candlesticks` takes by name.
---@class kalshi.GetMarketCandlesticksQuery: kalshi.CallOptions
---@field start_ts integer from, seconds since 1970
---@field end_ts integer until, seconds since 1970
---@field period_interval "1"|"60"|"1440" minutes of a candle
---@field include_latest_before_start? boolean begin with the last price before the range

---What `kalshi.get_market_candlesticks` answers.
---@class kalshi.GetMarketCandlesticksAnswer
---@field ticker string
---@field candlesticks kalshi.Candle[]

---Candles of a market: prices and volume by minute, hour or day. Raises "validation" for a wrong parameter, "http" for
---what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_market_candlesticks("KXHIGHNY", ticker, { start_ts = os.time() - 86400, end_ts = os.time(), period_interval = 60 })
---```
---@async
---@param series_ticker string of the series
---@param ticker string of the market
---@param query kalshi.GetMarketCandlesticksQuery with what is required
---@return kalshi.GetMarketCandlesticksAnswer answer of the exchange
function kalshi.get_market_candlesticks(series_ticker, ticker, query) end

---What `kalshi.get_milestones` takes by name.
---@class kalshi.GetMilestonesQuery: kalshi.CallOptions
---@field limit integer rows of a page
---@field minimum_start_date? string begins not before
---@field category? string one category, as series have it
---@field competition? string the league or tournament
---@field source_id? string of where it was taken from
---@field type? string which kind
---@field related_event_ticker? string milestones of this event
---@field cursor? string where to go on: the cursor of the page before
---@field min_updated_ts? integer changed since, seconds since 1970

---What `kalshi.get_milestones` answers.
---@class kalshi.GetMilestonesAnswer
---@field milestones kalshi.GetEventsAnswerMilestones[] one table for each
---@field cursor? string for the next page; empty at the last

---Games, releases and other happenings that events are about. Raises "validation" for a wrong parameter, "http" for
---what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_milestones{ limit = 5 }
---```
---@async
---@param query kalshi.GetMilestonesQuery with what is required
---@return kalshi.GetMilestonesAnswer answer of the exchange
function kalshi.get_milestones(query) end

---What `kalshi.get_milestone` answers.
---@class kalshi.GetMilestoneAnswer
---@field milestone kalshi.GetEventsAnswerMilestones what it is, when it begins, which events are about it

---One milestone. Raises "validation" for a wrong parameter, "http" for what the exchange refuses, "network" or
---"timeout" where no answer came.
---```lua
---kalshi.get_milestone("MILESTONE_ID")
---```
---@async
---@param milestone_id string of the milestone
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.GetMilestoneAnswer answer of the exchange
function kalshi.get_milestone(milestone_id, query) end

---What `kalshi.get_multivariate_event_collections` takes by name.
---@class kalshi.GetMultivariateEventCollectionsQuery: kalshi.CallOptions
---@field status? "unopened"|"open"|"closed" which ones
---@field associated_event_ticker? string collections with this event
---@field series_ticker? string of the series
---@field limit? integer rows of a page
---@field cursor? string where to go on: the cursor of the page before

---A part of kalshi.GetMultivariateEventCollectionsAnswerMultivariateContracts.
---@class kalshi.GetMultivariateEventCollectionsAnswerMultivariateContractsAssociatedEvents
---@field ticker string
---@field is_yes_only boolean
---@field active_quoters string[]
---@field size_max? integer how many markets
---@field size_min? integer how many markets

---A part of kalshi.GetMultivariateEventCollectionsAnswer.
---@class kalshi.GetMultivariateEventCollectionsAnswerMultivariateContracts
---@field collection_ticker string
---@field series_ticker string
---@field title string
---@field description string
---@field open_date string a time in UTC
---@field close_date string a time in UTC
---@field associated_events kalshi.GetMultivariateEventCollectionsAnswerMultivariateContractsAssociatedEvents[]
---@field associated_event_tickers string[]
---@field is_ordered boolean
---@field is_single_market_per_event boolean
---@field is_all_yes boolean
---@field size_min integer how many markets
---@field size_max integer how many markets
---@field functional_description string
---@field exchange_index? integer number of the shard

---What `kalshi.get_multivariate_event_collections` answers.
---@class kalshi.GetMultivariateEventCollectionsAnswer
---@field multivariate_contracts kalshi.GetMultivariateEventCollectionsAnswerMultivariateContracts[]
---@field cursor? string for the next page; empty at the last

---What combos can be made of. Raises "validation" for a wrong parameter, "http" for what the exchange refuses,
---"network" or "timeout" where no answer came.
---```lua
---kalshi.get_multivariate_event_collections{ limit = 5 }
---```
---@async
---@param query? kalshi.GetMultivariateEventCollectionsQuery what narrows it
---@return kalshi.GetMultivariateEventCollectionsAnswer answer of the exchange
function kalshi.get_multivariate_event_collections(query) end

---What `kalshi.get_multivariate_event_collection` answers.
---@class kalshi.GetMultivariateEventCollectionAnswer
---@field multivariate_contract kalshi.GetMultivariateEventCollectionsAnswerMultivariateContracts

---One collection: which events its combos can be made of. Raises "validation" for a wrong parameter, "http" for what
---the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_multivariate_event_collection("COLLECTION_TICKER")
---```
---@async
---@param collection_ticker string of the collection
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.GetMultivariateEventCollectionAnswer answer of the exchange
function kalshi.get_multivariate_event_collection(collection_ticker, query) end

---A part of kalshi.CreateMarketInMultivariateEventCollectionQuery.
---@class kalshi.CreateMarketInMultivariateEventCollectionQuerySelectedMarkets
---@field market_ticker string of the market
---@field event_ticker string of the event
---@field side "yes"|"no" how the leg comes out

---What `kalshi.create_market_in_multivariate_event_collection` takes by name.
---@class kalshi.CreateMarketInMultivariateEventCollectionQuery: kalshi.CallOptions
---@field selected_markets kalshi.CreateMarketInMultivariateEventCollectionQuerySelectedMarkets[] { market_ticker, event_ticker, side } of each leg
---@field with_market_payload? boolean with the market in the answer

---What `kalshi.create_market_in_multivariate_event_collection` answers.
---@class kalshi.CreateMarketInMultivariateEventCollectionAnswer
---@field event_ticker string
---@field market_ticker string
---@field market? kalshi.Market

---Makes the market of a combo, or finds it, so that it can be traded. Raises "validation" for a wrong parameter, "auth"
---without a key that may do it, "permission" on production without `--live`, "http" for what the exchange refuses,
---"network" or "timeout" where no answer came.
---```lua
---kalshi.create_market_in_multivariate_event_collection("COLLECTION_TICKER", { selected_markets = { { market_ticker = ticker, event_ticker = kalshi.get_market(ticker).market.event_ticker, side = "yes" } } })
---```
---@async
---@param collection_ticker string of the collection
---@param query kalshi.CreateMarketInMultivariateEventCollectionQuery with what is required
---@return kalshi.CreateMarketInMultivariateEventCollectionAnswer answer of the exchange
function kalshi.create_market_in_multivariate_event_collection(collection_ticker, query) end

---What `kalshi.get_order_groups` takes by name.
---@class kalshi.GetOrderGroupsQuery: kalshi.CallOptions
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones

---A part of kalshi.GetOrderGroupsAnswer.
---@class kalshi.GetOrderGroupsAnswerOrderGroups
---@field id string
---@field is_auto_cancel_enabled boolean
---@field contracts_limit_fp? number contracts
---@field exchange_index? integer number of the shard

---What `kalshi.get_order_groups` answers.
---@class kalshi.GetOrderGroupsAnswer
---@field order_groups? kalshi.GetOrderGroupsAnswerOrderGroups[]

---The account's order groups. Raises "validation" for a wrong parameter, "auth" without a key that may do it, "http"
---for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_order_groups()
---```
---@async
---@param query? kalshi.GetOrderGroupsQuery what narrows it
---@return kalshi.GetOrderGroupsAnswer answer of the exchange
function kalshi.get_order_groups(query) end

---What `kalshi.delete_order_group` takes by name.
---@class kalshi.DeleteOrderGroupQuery: kalshi.CallOptions
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones
---@field exchange_index? integer the shard of the exchange; usually found by itself

---Cancels the orders of a group and removes it. Raises "validation" for a wrong parameter, "auth" without a key that
---may do it, "permission" on production without `--live`, "http" for what the exchange refuses, "network" or "timeout"
---where no answer came.
---```lua
---kalshi.delete_order_group("ORDER_GROUP_ID")
---```
---@async
---@param order_group_id string the exchange's id of the group
---@param query? kalshi.DeleteOrderGroupQuery what narrows it
---@return table answer of the exchange
function kalshi.delete_order_group(order_group_id, query) end

---What `kalshi.get_order_group` takes by name.
---@class kalshi.GetOrderGroupQuery: kalshi.CallOptions
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones

---What `kalshi.get_order_group` answers.
---@class kalshi.GetOrderGroupAnswer
---@field is_auto_cancel_enabled boolean
---@field orders string[] ids of its orders
---@field contracts_limit_fp? number contracts
---@field exchange_index? integer number of the shard

---One order group with its orders. Raises "validation" for a wrong parameter, "auth" without a key that may do it,
---"http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_order_group("ORDER_GROUP_ID")
---```
---@async
---@param order_group_id string the exchange's id of the group
---@param query? kalshi.GetOrderGroupQuery what narrows it
---@return kalshi.GetOrderGroupAnswer answer of the exchange
function kalshi.get_order_group(order_group_id, query) end

---What `kalshi.update_order_group_limit` takes by name.
---@class kalshi.UpdateOrderGroupLimitQuery: kalshi.CallOptions
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones
---@field exchange_index? integer the shard of the exchange; usually found by itself
---@field contracts_limit? integer contracts that may fill in 15 seconds, a whole number
---@field contracts_limit_fp? number contracts that may fill in 15 seconds, contracts

---Gives an order group another limit. Raises "validation" for a wrong parameter, "auth" without a key that may do it,
---"permission" on production without `--live`, "http" for what the exchange refuses, "network" or "timeout" where no
---answer came.
---```lua
---kalshi.update_order_group_limit("ORDER_GROUP_ID")
---```
---@async
---@param order_group_id string the exchange's id of the group
---@param query? kalshi.UpdateOrderGroupLimitQuery what narrows it
---@return table answer of the exchange
function kalshi.update_order_group_limit(order_group_id, query) end

---What `kalshi.reset_order_group` takes by name.
---@class kalshi.ResetOrderGroupQuery: kalshi.CallOptions
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones
---@field exchange_index? integer the shard of the exchange; usually found by itself

---Lets a group that was triggered take orders again. Raises "validation" for a wrong parameter, "auth" without a key
---that may do it, "permission" on production without `--live`, "http" for what the exchange refuses, "network" or
---"timeout" where no answer came.
---```lua
---kalshi.reset_order_group("ORDER_GROUP_ID")
---```
---@async
---@param order_group_id string the exchange's id of the group
---@param query? kalshi.ResetOrderGroupQuery what narrows it
---@return table answer of the exchange
function kalshi.reset_order_group(order_group_id, query) end

---What `kalshi.trigger_order_group` takes by name.
---@class kalshi.TriggerOrderGroupQuery: kalshi.CallOptions
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones
---@field exchange_index? integer the shard of the exchange; usually found by itself

---Cancels the orders of a group, and refuses new ones until it is reset. Raises "validation" for a wrong parameter,
---"auth" without a key that may do it, "permission" on production without `--live`, "http" for what the exchange
---refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.trigger_order_group("ORDER_GROUP_ID")
---```
---@async
---@param order_group_id string the exchange's id of the group
---@param query? kalshi.TriggerOrderGroupQuery what narrows it
---@return table answer of the exchange
function kalshi.trigger_order_group(order_group_id, query) end

---What `kalshi.create_order_group` takes by name.
---@class kalshi.CreateOrderGroupQuery: kalshi.CallOptions
---@field contracts_limit? integer contracts that may fill in 15 seconds, a whole number
---@field contracts_limit_fp? number contracts that may fill in 15 seconds, contracts
---@field exchange_index? integer the shard of the exchange; usually found by itself
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones

---What `kalshi.create_order_group` answers.
---@class kalshi.CreateOrderGroupAnswer
---@field order_group_id string
---@field subaccount integer 0 is the primary one, 1 to 63 are the numbered ones
---@field exchange_index? integer number of the shard

---Makes a group of orders that are cancelled together once they fill more than a limit in 15 seconds. Raises
---"validation" for a wrong parameter, "auth" without a key that may do it, "permission" on production without `--live`,
---"http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.create_order_group()
---```
---@async
---@param query? kalshi.CreateOrderGroupQuery what narrows it
---@return kalshi.CreateOrderGroupAnswer answer of the exchange
function kalshi.create_order_group(query) end

---What `kalshi.cancel_all_orders` takes by name.
---@class kalshi.CancelAllOrdersQuery: kalshi.CallOptions
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones

---Cancels all resting orders, of one subaccount or of all. Raises "validation" for a wrong parameter, "auth" without a
---key that may do it, "permission" on production without `--live`, "http" for what the exchange refuses, "network" or
---"timeout" where no answer came.
---```lua
---kalshi.cancel_all_orders()
---```
---@async
---@param query? kalshi.CancelAllOrdersQuery what narrows it
function kalshi.cancel_all_orders(query) end

---A part of kalshi.BatchCancelOrdersQuery.
---@class kalshi.BatchCancelOrdersQueryOrders
---@field order_id string the exchange's id of the order
---@field exchange_index? integer the shard of the exchange; usually found by itself
---@field market_ticker? string of the market
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones

---What `kalshi.batch_cancel_orders` takes by name.
---@class kalshi.BatchCancelOrdersQuery: kalshi.CallOptions
---@field orders kalshi.BatchCancelOrdersQueryOrders[] one table for each order

---A part of kalshi.BatchCancelOrdersAnswerOrders.
---@class kalshi.BatchCancelOrdersAnswerOrdersError
---@field code? string
---@field details? string
---@field message? string

---A part of kalshi.BatchCancelOrdersAnswer.
---@class kalshi.BatchCancelOrdersAnswerOrders
---@field order_id string
---@field reduced_by number contracts
---@field client_order_id? string
---@field error? kalshi.BatchCancelOrdersAnswerOrdersError
---@field ts_ms? integer milliseconds since 1970

---What `kalshi.batch_cancel_orders` answers.
---@class kalshi.BatchCancelOrdersAnswer
---@field orders kalshi.BatchCancelOrdersAnswerOrders[] one table for each order

---Cancels several orders; each succeeds or fails by itself. Raises "validation" for a wrong parameter, "auth" without a
---key that may do it, "permission" on production without `--live`, "http" for what the exchange refuses, "network" or
---"timeout" where no answer came.
---```lua
---kalshi.batch_cancel_orders{ orders = { { order_id = kalshi.orders()[1].order_id } } }
---```
---@async
---@param query kalshi.BatchCancelOrdersQuery with what is required
---@return kalshi.BatchCancelOrdersAnswer answer of the exchange
function kalshi.batch_cancel_orders(query) end

---A part of kalshi.BatchCreateOrdersQuery.
---@class kalshi.BatchCreateOrdersQueryOrders
---@field ticker string of the market
---@field side "bid"|"ask" bid buys YES, ask buys NO
---@field count number how much, contracts
---@field price number of YES, dollars
---@field time_in_force "fill_or_kill"|"good_till_canceled"|"immediate_or_cancel" rest until canceled, take what is there, or all at once or nothing
---@field self_trade_prevention_type "taker_at_cross"|"maker" which of two own orders that would meet is canceled: the new one (taker_at_cross) or the one that rests
---@field cancel_order_on_pause? boolean canceled when trading is paused
---@field client_order_id? string an id of your own; made up when it is left out
---@field exchange_index? integer the shard of the exchange; usually found by itself
---@field expiration_time? integer when it is canceled, seconds since 1970
---@field order_group_id? string the exchange's id of the group
---@field post_only? boolean refused where it would trade at once
---@field reduce_only? boolean it only makes a position smaller
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones

---What `kalshi.batch_create_orders` takes by name.
---@class kalshi.BatchCreateOrdersQuery: kalshi.CallOptions
---@field orders kalshi.BatchCreateOrdersQueryOrders[] one table for each order

---A part of kalshi.BatchCreateOrdersAnswer.
---@class kalshi.BatchCreateOrdersAnswerOrders
---@field average_fee_paid? number dollars
---@field average_fill_price? number dollars
---@field client_order_id? string
---@field error? kalshi.BatchCancelOrdersAnswerOrdersError
---@field fill_count? number contracts
---@field order_id? string
---@field remaining_count? number contracts
---@field ts_ms? integer milliseconds since 1970

---What `kalshi.batch_create_orders` answers.
---@class kalshi.BatchCreateOrdersAnswer
---@field orders kalshi.BatchCreateOrdersAnswerOrders[] one table for each order

---Places several orders; each succeeds or fails by itself. Raises "validation" for a wrong parameter, "auth" without a
---key that may do it, "permission" on production without `--live`, "risk" where a limit forbids it, "http" for what the
---exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.batch_create_orders{ orders = { { ticker = ticker, side = "bid", count = 10, price = 0.42, time_in_force = "fill_or_kill", self_trade_prevention_type = "taker_at_cross" } } }
---```
---@async
---@param query kalshi.BatchCreateOrdersQuery with what is required
---@return kalshi.BatchCreateOrdersAnswer answer of the exchange
function kalshi.batch_create_orders(query) end

---What `kalshi.get_orders` takes by name.
---@class kalshi.GetOrdersQuery: kalshi.CallOptions
---@field ticker? string of the market
---@field event_ticker? string[] of the event
---@field min_ts? integer not before, seconds since 1970
---@field max_ts? integer not after, seconds since 1970
---@field status? string which ones
---@field limit? integer rows of a page
---@field cursor? string where to go on: the cursor of the page before
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones
---@field exchange_index? integer the shard of the exchange; usually found by itself

---The account's orders; kalshi.orders has them in memory. Raises "validation" for a wrong parameter, "auth" without a
---key that may do it, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_orders{ limit = 5 }
---```
---@async
---@param query? kalshi.GetOrdersQuery what narrows it
---@return kalshi.GetFcmOrdersAnswer answer of the exchange
function kalshi.get_orders(query) end

---What `kalshi.get_order` answers.
---@class kalshi.GetOrderAnswer
---@field order kalshi.GetFcmOrdersAnswerOrders the order

---One order. Raises "validation" for a wrong parameter, "auth" without a key that may do it, "http" for what the
---exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_order(kalshi.orders()[1].order_id)
---```
---@async
---@param order_id string the exchange's id of the order
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.GetOrderAnswer answer of the exchange
function kalshi.get_order(order_id, query) end

---What `kalshi.get_order_queue_position` answers.
---@class kalshi.GetOrderQueuePositionAnswer
---@field queue_position_fp number contracts ahead, contracts

---How many contracts are ahead of a resting order. Raises "validation" for a wrong parameter, "auth" without a key that
---may do it, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_order_queue_position(kalshi.orders()[1].order_id)
---```
---@async
---@param order_id string the exchange's id of the order
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.GetOrderQueuePositionAnswer answer of the exchange
function kalshi.get_order_queue_position(order_id, query) end

---What `kalshi.get_order_queue_positions` takes by name.
---@class kalshi.GetOrderQueuePositionsQuery: kalshi.CallOptions
---@field market_tickers? string[] of the markets
---@field event_ticker? string of the event
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones

---A part of kalshi.GetOrderQueuePositionsAnswer.
---@class kalshi.GetOrderQueuePositionsAnswerQueuePositions
---@field order_id string
---@field market_ticker string
---@field queue_position_fp number contracts

---What `kalshi.get_order_queue_positions` answers.
---@class kalshi.GetOrderQueuePositionsAnswer
---@field queue_positions kalshi.GetOrderQueuePositionsAnswerQueuePositions[] for each order

---How many contracts are ahead of each resting order. Raises "validation" for a wrong parameter, "auth" without a key
---that may do it, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_order_queue_positions{ market_tickers = { ticker } }
---```
---@async
---@param query? kalshi.GetOrderQueuePositionsQuery what narrows it
---@return kalshi.GetOrderQueuePositionsAnswer answer of the exchange
function kalshi.get_order_queue_positions(query) end

---What `kalshi.get_balance` takes by name.
---@class kalshi.GetBalanceQuery: kalshi.CallOptions
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones
---@field exchange_index? integer the shard of the exchange; usually found by itself

---A part of kalshi.GetBalanceAnswer.
---@class kalshi.GetBalanceAnswerBalanceBreakdown
---@field exchange_index integer number of the shard
---@field balance number dollars

---What `kalshi.get_balance` answers.
---@class kalshi.GetBalanceAnswer
---@field balance integer cash in cents; balance_dollars is exact
---@field balance_dollars number cash, dollars
---@field portfolio_value integer what the positions are worth, cents
---@field updated_ts integer as of, seconds since 1970
---@field balance_breakdown? kalshi.GetBalanceAnswerBalanceBreakdown[] cash on each shard

---The account's cash and what its positions are worth; kalshi.balance has the cash in memory. Raises "validation" for a
---wrong parameter, "auth" without a key that may do it, "http" for what the exchange refuses, "network" or "timeout"
---where no answer came.
---```lua
---kalshi.get_balance()
---```
---@async
---@param query? kalshi.GetBalanceQuery what narrows it
---@return kalshi.GetBalanceAnswer answer of the exchange
function kalshi.get_balance(query) end

---What `kalshi.get_deposits` takes by name.
---@class kalshi.GetDepositsQuery: kalshi.CallOptions
---@field limit? integer rows of a page
---@field cursor? string where to go on: the cursor of the page before

---A part of kalshi.GetDepositsAnswer.
---@class kalshi.GetDepositsAnswerDeposits
---@field id string
---@field status "pending"|"applied"|"failed"|"returned"
---@field type "ach"|"wire"|"crypto"|"debit"|"apm"
---@field amount_cents integer cents
---@field fee_cents integer cents
---@field created_ts integer seconds since 1970
---@field finalized_ts? integer seconds since 1970

---What `kalshi.get_deposits` answers.
---@class kalshi.GetDepositsAnswer
---@field deposits kalshi.GetDepositsAnswerDeposits[]
---@field cursor? string for the next page; empty at the last

---Deposits. Raises "validation" for a wrong parameter, "auth" without a key that may do it, "http" for what the
---exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_deposits{ limit = 5 }
---```
---@async
---@param query? kalshi.GetDepositsQuery what narrows it
---@return kalshi.GetDepositsAnswer answer of the exchange
function kalshi.get_deposits(query) end

---What `kalshi.get_fills` takes by name.
---@class kalshi.GetFillsQuery: kalshi.CallOptions
---@field ticker? string of the market
---@field order_id? string the exchange's id of the order
---@field min_ts? integer not before, seconds since 1970
---@field max_ts? integer not after, seconds since 1970
---@field limit? integer rows of a page
---@field cursor? string where to go on: the cursor of the page before
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones
---@field exchange_index? integer the shard of the exchange; usually found by itself

---The account's fills, newest first; kalshi.fills has them in memory. Raises "validation" for a wrong parameter, "auth"
---without a key that may do it, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_fills{ limit = 5 }
---```
---@async
---@param query? kalshi.GetFillsQuery what narrows it
---@return kalshi.GetFcmFillsAnswer answer of the exchange
function kalshi.get_fills(query) end

---What `kalshi.intra_exchange_instance_transfer` takes by name.
---@class kalshi.IntraExchangeInstanceTransferQuery: kalshi.CallOptions
---@field source "event_contract"|"margined" where it comes from: event contracts, or the futures
---@field destination "event_contract"|"margined" where it goes to
---@field amount integer hundredths of a cent
---@field destination_exchange_shard? integer the shard that it goes to
---@field destination_subaccount? integer where it goes to
---@field source_exchange_shard? integer the shard that it comes from
---@field source_subaccount? integer where it comes from

---What `kalshi.intra_exchange_instance_transfer` answers.
---@class kalshi.IntraExchangeInstanceTransferAnswer
---@field transfer_id string

---Moves money between shards of the exchange, or to and from the futures. Raises "validation" for a wrong parameter,
---"auth" without a key that may do it, "permission" on production without `--live`, "http" for what the exchange
---refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.intra_exchange_instance_transfer{ source = "event_contract", destination = "event_contract", amount = 5 }
---```
---@async
---@param query kalshi.IntraExchangeInstanceTransferQuery with what is required
---@return kalshi.IntraExchangeInstanceTransferAnswer answer of the exchange
function kalshi.intra_exchange_instance_transfer(query) end

---What `kalshi.get_intra_exchange_instance_transfers` takes by name.
---@class kalshi.GetIntraExchangeInstanceTransfersQuery: kalshi.CallOptions
---@field limit? integer rows of a page
---@field cursor? string where to go on: the cursor of the page before

---A part of kalshi.GetIntraExchangeInstanceTransfersAnswer.
---@class kalshi.GetIntraExchangeInstanceTransfersAnswerTransfers
---@field transfer_id string
---@field source "event_contract"|"margined"
---@field destination "event_contract"|"margined"
---@field source_exchange_shard integer number of the shard
---@field destination_exchange_shard integer number of the shard
---@field amount number dollars
---@field status "pending"|"complete"
---@field created_ts integer seconds since 1970

---What `kalshi.get_intra_exchange_instance_transfers` answers.
---@class kalshi.GetIntraExchangeInstanceTransfersAnswer
---@field transfers kalshi.GetIntraExchangeInstanceTransfersAnswerTransfers[]
---@field cursor? string for the next page; empty at the last

---Transfers between shards. Raises "validation" for a wrong parameter, "auth" without a key that may do it, "http" for
---what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_intra_exchange_instance_transfers{ limit = 5 }
---```
---@async
---@param query? kalshi.GetIntraExchangeInstanceTransfersQuery what narrows it
---@return kalshi.GetIntraExchangeInstanceTransfersAnswer answer of the exchange
function kalshi.get_intra_exchange_instance_transfers(query) end

---What `kalshi.get_intra_exchange_instance_transfer` answers.
---@class kalshi.GetIntraExchangeInstanceTransferAnswer
---@field transfer kalshi.GetIntraExchangeInstanceTransfersAnswerTransfers

---One transfer between shards. Raises "validation" for a wrong parameter, "auth" without a key that may do it, "http"
---for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_intra_exchange_instance_transfer("TRANSFER_ID")
---```
---@async
---@param transfer_id string of the transfer
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.GetIntraExchangeInstanceTransferAnswer answer of the exchange
function kalshi.get_intra_exchange_instance_transfer(transfer_id, query) end

---What `kalshi.get_positions` takes by name.
---@class kalshi.GetPositionsQuery: kalshi.CallOptions
---@field cursor? string where to go on: the cursor of the page before
---@field limit? integer rows of a page
---@field count_filter? string[] only with a number that is not 0 in these
---@field ticker? string of the market
---@field event_ticker? string of the event
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones
---@field exchange_index? integer the shard of the exchange; usually found by itself
---@field settlement_status? "all"|"unsettled"|"settled" unsettled ones, settled ones, or both

---The account's positions by market and by event; kalshi.positions has them in memory. Raises "validation" for a wrong
---parameter, "auth" without a key that may do it, "http" for what the exchange refuses, "network" or "timeout" where no
---answer came.
---```lua
---kalshi.get_positions{ limit = 5 }
---```
---@async
---@param query? kalshi.GetPositionsQuery what narrows it
---@return kalshi.GetFcmPositionsAnswer answer of the exchange
function kalshi.get_positions(query) end

---What `kalshi.get_settlements` takes by name.
---@class kalshi.GetSettlementsQuery: kalshi.CallOptions
---@field limit? integer rows of a page
---@field cursor? string where to go on: the cursor of the page before
---@field ticker? string of the market
---@field event_ticker? string of the event
---@field min_ts? integer not before, seconds since 1970
---@field max_ts? integer not after, seconds since 1970
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones

---A part of kalshi.GetSettlementsAnswer.
---@class kalshi.GetSettlementsAnswerSettlements
---@field ticker string
---@field exchange_index integer number of the shard
---@field event_ticker string
---@field market_result "yes"|"no"|"scalar"
---@field yes_count_fp number contracts
---@field yes_total_cost_dollars number dollars
---@field no_count_fp number contracts
---@field no_total_cost_dollars number dollars
---@field revenue integer cents
---@field settled_time string a time in UTC
---@field fee_cost number dollars
---@field value? integer cents that a contract of YES paid

---What `kalshi.get_settlements` answers.
---@class kalshi.GetSettlementsAnswer
---@field settlements kalshi.GetSettlementsAnswerSettlements[] one table for each market
---@field cursor? string for the next page; empty at the last

---What settled markets have paid. Raises "validation" for a wrong parameter, "auth" without a key that may do it,
---"http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_settlements{ limit = 5 }
---```
---@async
---@param query? kalshi.GetSettlementsQuery what narrows it
---@return kalshi.GetSettlementsAnswer answer of the exchange
function kalshi.get_settlements(query) end

---What `kalshi.create_subaccount` takes by name.
---@class kalshi.CreateSubaccountQuery: kalshi.CallOptions
---@field exchange_index? integer the shard of the exchange; usually found by itself

---What `kalshi.create_subaccount` answers.
---@class kalshi.CreateSubaccountAnswer
---@field subaccount_number integer of the new one

---Makes a subaccount. Raises "validation" for a wrong parameter, "auth" without a key that may do it, "permission" on
---production without `--live`, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.create_subaccount()
---```
---@async
---@param query? kalshi.CreateSubaccountQuery what narrows it
---@return kalshi.CreateSubaccountAnswer answer of the exchange
function kalshi.create_subaccount(query) end

---A part of kalshi.GetSubaccountBalancesAnswer.
---@class kalshi.GetSubaccountBalancesAnswerSubaccountBalances
---@field subaccount_number integer 0 is the primary one, 1 to 63 are the numbered ones
---@field exchange_index integer number of the shard
---@field balance number dollars
---@field updated_ts integer seconds since 1970

---What `kalshi.get_subaccount_balances` answers.
---@class kalshi.GetSubaccountBalancesAnswer
---@field subaccount_balances kalshi.GetSubaccountBalancesAnswerSubaccountBalances[] for each

---The cash of all subaccounts. Raises "validation" for a wrong parameter, "auth" without a key that may do it, "http"
---for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_subaccount_balances()
---```
---@async
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.GetSubaccountBalancesAnswer answer of the exchange
function kalshi.get_subaccount_balances(query) end

---A part of kalshi.GetSubaccountNettingAnswer.
---@class kalshi.GetSubaccountNettingAnswerNettingConfigs
---@field subaccount_number integer 0 is the primary one, 1 to 63 are the numbered ones
---@field enabled boolean
---@field exchange_index integer number of the shard

---What `kalshi.get_subaccount_netting` answers.
---@class kalshi.GetSubaccountNettingAnswer
---@field netting_configs kalshi.GetSubaccountNettingAnswerNettingConfigs[] for each

---For which subaccounts positions that cover each other need less cash. Raises "validation" for a wrong parameter,
---"auth" without a key that may do it, "http" for what the exchange refuses, "network" or "timeout" where no answer
---came.
---```lua
---kalshi.get_subaccount_netting()
---```
---@async
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.GetSubaccountNettingAnswer answer of the exchange
function kalshi.get_subaccount_netting(query) end

---What `kalshi.update_subaccount_netting` takes by name.
---@class kalshi.UpdateSubaccountNettingQuery: kalshi.CallOptions
---@field subaccount_number integer of the subaccount
---@field enabled boolean whether it shall be so

---Says whether positions of a subaccount that cover each other need less cash. Raises "validation" for a wrong
---parameter, "auth" without a key that may do it, "permission" on production without `--live`, "http" for what the
---exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.update_subaccount_netting{ subaccount_number = 5, enabled = true }
---```
---@async
---@param query kalshi.UpdateSubaccountNettingQuery with what is required
function kalshi.update_subaccount_netting(query) end

---What `kalshi.apply_subaccount_transfer` takes by name.
---@class kalshi.ApplySubaccountTransferQuery: kalshi.CallOptions
---@field client_transfer_id string an id of your own (a UUID): the same one again moves nothing
---@field from_subaccount integer where it comes from
---@field to_subaccount integer where it goes to
---@field amount_cents integer cents
---@field exchange_index? integer the shard of the exchange; usually found by itself

---Moves cash between subaccounts. Raises "validation" for a wrong parameter, "auth" without a key that may do it,
---"permission" on production without `--live`, "http" for what the exchange refuses, "network" or "timeout" where no
---answer came.
---```lua
---kalshi.apply_subaccount_transfer{ client_transfer_id = "5d2f1c3a-8f0e-4c61-9b7e-2a4d6e8f0a1b", from_subaccount = 5, to_subaccount = 5, amount_cents = 5 }
---```
---@async
---@param query kalshi.ApplySubaccountTransferQuery with what is required
---@return table answer of the exchange
function kalshi.apply_subaccount_transfer(query) end

---What `kalshi.get_subaccount_transfers` takes by name.
---@class kalshi.GetSubaccountTransfersQuery: kalshi.CallOptions
---@field limit? integer rows of a page
---@field cursor? string where to go on: the cursor of the page before

---A part of kalshi.GetSubaccountTransfersAnswer.
---@class kalshi.GetSubaccountTransfersAnswerTransfers
---@field transfer_id string
---@field from_subaccount integer 0 is the primary one, 1 to 63 are the numbered ones
---@field to_subaccount integer 0 is the primary one, 1 to 63 are the numbered ones
---@field amount_cents integer cents
---@field created_ts integer seconds since 1970
---@field exchange_index integer number of the shard

---What `kalshi.get_subaccount_transfers` answers.
---@class kalshi.GetSubaccountTransfersAnswer
---@field transfers kalshi.GetSubaccountTransfersAnswerTransfers[]
---@field cursor? string for the next page; empty at the last

---Transfers of cash between subaccounts. Raises "validation" for a wrong parameter, "auth" without a key that may do
---it, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_subaccount_transfers{ limit = 5 }
---```
---@async
---@param query? kalshi.GetSubaccountTransfersQuery what narrows it
---@return kalshi.GetSubaccountTransfersAnswer answer of the exchange
function kalshi.get_subaccount_transfers(query) end

---What `kalshi.get_portfolio_resting_order_total_value` answers.
---@class kalshi.GetPortfolioRestingOrderTotalValueAnswer
---@field total_resting_order_value integer cents
---@field resting_order_value_breakdown kalshi.GetBalanceAnswerBalanceBreakdown[] on each shard

---What all resting orders would cost. Raises "validation" for a wrong parameter, "auth" without a key that may do it,
---"http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_portfolio_resting_order_total_value()
---```
---@async
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.GetPortfolioRestingOrderTotalValueAnswer answer of the exchange
function kalshi.get_portfolio_resting_order_total_value(query) end

---A part of kalshi.GetTargetBalanceAllocationAnswer.
---@class kalshi.GetTargetBalanceAllocationAnswerAllocations
---@field exchange_index integer number of the shard
---@field percent integer percent

---What `kalshi.get_target_balance_allocation` answers.
---@class kalshi.GetTargetBalanceAllocationAnswer
---@field allocations kalshi.GetTargetBalanceAllocationAnswerAllocations[]
---@field resting_margin_reservation "max"|"sum"|"none"

---How the account's cash is spread over the shards of the exchange. Raises "validation" for a wrong parameter, "auth"
---without a key that may do it, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_target_balance_allocation()
---```
---@async
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.GetTargetBalanceAllocationAnswer answer of the exchange
function kalshi.get_target_balance_allocation(query) end

---What `kalshi.set_target_balance_allocation` takes by name.
---@class kalshi.SetTargetBalanceAllocationQuery: kalshi.CallOptions
---@field allocations kalshi.GetTargetBalanceAllocationAnswerAllocations[] { exchange_index, percent } for each shard, 100 in all
---@field resting_margin_reservation? "max"|"sum"|"none" how orders that rest are counted

---Says how the account's cash is to be spread over the shards of the exchange. Raises "validation" for a wrong
---parameter, "auth" without a key that may do it, "permission" on production without `--live`, "http" for what the
---exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.set_target_balance_allocation{ allocations = { { exchange_index = 5, percent = 5 } } }
---```
---@async
---@param query kalshi.SetTargetBalanceAllocationQuery with what is required
---@return table answer of the exchange
function kalshi.set_target_balance_allocation(query) end

---What `kalshi.get_withdrawals` takes by name.
---@class kalshi.GetWithdrawalsQuery: kalshi.CallOptions
---@field limit? integer rows of a page
---@field cursor? string where to go on: the cursor of the page before

---What `kalshi.get_withdrawals` answers.
---@class kalshi.GetWithdrawalsAnswer
---@field withdrawals kalshi.GetDepositsAnswerDeposits[]
---@field cursor? string for the next page; empty at the last

---Withdrawals. Raises "validation" for a wrong parameter, "auth" without a key that may do it, "http" for what the
---exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_withdrawals{ limit = 5 }
---```
---@async
---@param query? kalshi.GetWithdrawalsQuery what narrows it
---@return kalshi.GetWithdrawalsAnswer answer of the exchange
function kalshi.get_withdrawals(query) end

---A part of kalshi.GetFiltersForSportsAnswerFiltersBySports.
---@class kalshi.GetFiltersForSportsAnswerFiltersBySportsCompetitions
---@field scopes string[]

---A part of kalshi.GetFiltersForSportsAnswer.
---@class kalshi.GetFiltersForSportsAnswerFiltersBySports
---@field scopes string[]
---@field competitions table<string, kalshi.GetFiltersForSportsAnswerFiltersBySportsCompetitions>

---What `kalshi.get_filters_for_sports` answers.
---@class kalshi.GetFiltersForSportsAnswer
---@field filters_by_sports table<string, kalshi.GetFiltersForSportsAnswerFiltersBySports>
---@field sport_ordering string[]

---By which leagues and kinds of bet sports can be searched. Raises "validation" for a wrong parameter, "http" for what
---the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_filters_for_sports()
---```
---@async
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.GetFiltersForSportsAnswer answer of the exchange
function kalshi.get_filters_for_sports(query) end

---What `kalshi.get_tags_for_series_categories` answers.
---@class kalshi.GetTagsForSeriesCategoriesAnswer
---@field tags_by_categories table<string, string[]>

---The words by which series of each category can be searched. Raises "validation" for a wrong parameter, "http" for
---what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_tags_for_series_categories()
---```
---@async
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.GetTagsForSeriesCategoriesAnswer answer of the exchange
function kalshi.get_tags_for_series_categories(query) end

---What `kalshi.get_structured_targets` takes by name.
---@class kalshi.GetStructuredTargetsQuery: kalshi.CallOptions
---@field ids? string[] of the targets
---@field type? string which kind
---@field competition? string the league or tournament
---@field page_size? integer rows of a page
---@field cursor? string where to go on: the cursor of the page before

---A part of kalshi.GetStructuredTargetsAnswer.
---@class kalshi.GetStructuredTargetsAnswerStructuredTargets
---@field details? table
---@field id? string
---@field last_updated_ts? string a time in UTC
---@field name? string
---@field source_id? string
---@field source_ids? table<string, string>
---@field type? string

---What `kalshi.get_structured_targets` answers.
---@class kalshi.GetStructuredTargetsAnswer
---@field cursor? string for the next page; empty at the last
---@field structured_targets? kalshi.GetStructuredTargetsAnswerStructuredTargets[]

---Teams, players, people and other things that markets are about. Raises "validation" for a wrong parameter, "http" for
---what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.get_structured_targets()
---```
---@async
---@param query? kalshi.GetStructuredTargetsQuery what narrows it
---@return kalshi.GetStructuredTargetsAnswer answer of the exchange
function kalshi.get_structured_targets(query) end

---What `kalshi.get_structured_target` answers.
---@class kalshi.GetStructuredTargetAnswer
---@field structured_target? kalshi.GetStructuredTargetsAnswerStructuredTargets

---One thing that markets are about. Raises "validation" for a wrong parameter, "http" for what the exchange refuses,
---"network" or "timeout" where no answer came.
---```lua
---kalshi.get_structured_target("STRUCTURED_TARGET_ID")
---```
---@async
---@param structured_target_id string of the target
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.GetStructuredTargetAnswer answer of the exchange
function kalshi.get_structured_target(structured_target_id, query) end

---What `kalshi.each` walks through.
---@class kalshi.Each
local each = {}

---The block_trade_proposals of kalshi.get_block_trade_proposals row by row, all pages, each when it is needed.
---Raises what that raises, at the row whose page failed.
---```lua
---for row in kalshi.each.get_block_trade_proposals{ max = 5 } do print(row.id) end
---```
---@async
---@param query? kalshi.GetBlockTradeProposalsQuery|kalshi.Walk which ones, and how many
---@return fun(): kalshi.GetBlockTradeProposalsAnswerBlockTradeProposals? next for `for`
function each.get_block_trade_proposals(query) end

---The quotes of kalshi.get_quotes row by row, all pages, each when it is needed.
---Raises what that raises, at the row whose page failed.
---```lua
---for row in kalshi.each.get_quotes{ max = 5 } do print(row.id) end
---```
---@async
---@param query? kalshi.GetQuotesQuery|kalshi.Walk which ones, and how many
---@return fun(): kalshi.GetQuotesAnswerQuotes? next for `for`
function each.get_quotes(query) end

---The rfqs of kalshi.get_rfqs row by row, all pages, each when it is needed.
---Raises what that raises, at the row whose page failed.
---```lua
---for row in kalshi.each.get_rfqs{ max = 5 } do print(row.id) end
---```
---@async
---@param query? kalshi.GetRfqsQuery|kalshi.Walk which ones, and how many
---@return fun(): kalshi.GetRfqsAnswerRfqs? next for `for`
function each.get_rfqs(query) end

---The events of kalshi.get_events row by row, all pages, each when it is needed.
---Raises what that raises, at the row whose page failed.
---```lua
---for row in kalshi.each.get_events{ max = 5 } do print(row.event_ticker) end
---```
---@async
---@param query? kalshi.GetEventsQuery|kalshi.Walk which ones, and how many
---@return fun(): kalshi.Event? next for `for`
function each.get_events(query) end

---The event_fee_changes of kalshi.get_event_fee_changes row by row, all pages, each when it is needed.
---Raises what that raises, at the row whose page failed.
---```lua
---for row in kalshi.each.get_event_fee_changes{ max = 5 } do print(row.id) end
---```
---@async
---@param query? kalshi.GetEventFeeChangesQuery|kalshi.Walk which ones, and how many
---@return fun(): kalshi.GetEventFeeChangesAnswerEventFeeChanges? next for `for`
function each.get_event_fee_changes(query) end

---The events of kalshi.get_multivariate_events row by row, all pages, each when it is needed.
---Raises what that raises, at the row whose page failed.
---```lua
---for row in kalshi.each.get_multivariate_events{ max = 5 } do print(row.event_ticker) end
---```
---@async
---@param query? kalshi.GetMultivariateEventsQuery|kalshi.Walk which ones, and how many
---@return fun(): kalshi.Event? next for `for`
function each.get_multivariate_events(query) end

---The fills of kalshi.get_fcm_fills row by row, all pages, each when it is needed.
---Raises what that raises, at the row whose page failed.
---```lua
---for row in kalshi.each.get_fcm_fills{ max = 5 } do print(row.ticker) end
---```
---@async
---@param query? kalshi.GetFcmFillsQuery|kalshi.Walk which ones, and how many
---@return fun(): kalshi.GetFcmFillsAnswerFills? next for `for`
function each.get_fcm_fills(query) end

---The orders of kalshi.get_fcm_orders row by row, all pages, each when it is needed.
---Raises what that raises, at the row whose page failed.
---```lua
---for row in kalshi.each.get_fcm_orders{ max = 5 } do print(row.ticker) end
---```
---@async
---@param query? kalshi.GetFcmOrdersQuery|kalshi.Walk which ones, and how many
---@return fun(): kalshi.GetFcmOrdersAnswerOrders? next for `for`
function each.get_fcm_orders(query) end

---The market_positions of kalshi.get_fcm_positions row by row, all pages, each when it is needed.
---Raises what that raises, at the row whose page failed.
---```lua
---for row in kalshi.each.get_fcm_positions{ subtrader_id = "SUBTRADER_ID", max = 5 } do print(row.ticker) end
---```
---@async
---@param query kalshi.GetFcmPositionsQuery|kalshi.Walk which ones, and how many
---@return fun(): kalshi.GetFcmPositionsAnswerMarketPositions? next for `for`
function each.get_fcm_positions(query) end

---The fills of kalshi.get_fills_historical row by row, all pages, each when it is needed.
---Raises what that raises, at the row whose page failed.
---```lua
---for row in kalshi.each.get_fills_historical{ max = 5 } do print(row.ticker) end
---```
---@async
---@param query? kalshi.GetFillsHistoricalQuery|kalshi.Walk which ones, and how many
---@return fun(): kalshi.GetFcmFillsAnswerFills? next for `for`
function each.get_fills_historical(query) end

---The markets of kalshi.get_historical_markets row by row, all pages, each when it is needed.
---Raises what that raises, at the row whose page failed.
---```lua
---for row in kalshi.each.get_historical_markets{ max = 5 } do print(row.ticker) end
---```
---@async
---@param query? kalshi.GetHistoricalMarketsQuery|kalshi.Walk which ones, and how many
---@return fun(): kalshi.Market? next for `for`
function each.get_historical_markets(query) end

---The orders of kalshi.get_historical_orders row by row, all pages, each when it is needed.
---Raises what that raises, at the row whose page failed.
---```lua
---for row in kalshi.each.get_historical_orders{ max = 5 } do print(row.ticker) end
---```
---@async
---@param query? kalshi.GetHistoricalOrdersQuery|kalshi.Walk which ones, and how many
---@return fun(): kalshi.GetFcmOrdersAnswerOrders? next for `for`
function each.get_historical_orders(query) end

---The market_positions of kalshi.get_historical_positions row by row, all pages, each when it is needed.
---Raises what that raises, at the row whose page failed.
---```lua
---for row in kalshi.each.get_historical_positions{ max = 5 } do print(row.ticker) end
---```
---@async
---@param query? kalshi.GetHistoricalPositionsQuery|kalshi.Walk which ones, and how many
---@return fun(): kalshi.GetFcmPositionsAnswerMarketPositions? next for `for`
function each.get_historical_positions(query) end

---The trades of kalshi.get_trades_historical row by row, all pages, each when it is needed.
---Raises what that raises, at the row whose page failed.
---```lua
---for row in kalshi.each.get_trades_historical{ max = 5 } do print(row.ticker) end
---```
---@async
---@param query? kalshi.GetTradesHistoricalQuery|kalshi.Walk which ones, and how many
---@return fun(): kalshi.Trade? next for `for`
function each.get_trades_historical(query) end

---The incentive_programs of kalshi.get_incentive_programs row by row, all pages, each when it is needed.
---Raises what that raises, at the row whose page failed.
---```lua
---for row in kalshi.each.get_incentive_programs{ max = 5 } do print(row.id) end
---```
---@async
---@param query? kalshi.GetIncentiveProgramsQuery|kalshi.Walk which ones, and how many
---@return fun(): kalshi.GetIncentiveProgramsAnswerIncentivePrograms? next for `for`
function each.get_incentive_programs(query) end

---What `kalshi.get_markets` takes by name.
---@class kalshi.GetMarketsQuery: kalshi.CallOptions
---@field limit? integer rows of a page
---@field cursor? string where to go on: the cursor of the page before
---@field event_ticker? string of the event
---@field series_ticker? string of the series
---@field min_created_ts? integer made not before, seconds since 1970
---@field max_created_ts? integer made not after, seconds since 1970
---@field min_updated_ts? integer changed since, seconds since 1970
---@field max_close_ts? integer trading ends not after, seconds since 1970
---@field min_close_ts? integer trading ends not before, seconds since 1970
---@field min_settled_ts? integer settled not before, seconds since 1970
---@field max_settled_ts? integer settled not after, seconds since 1970
---@field status? "unopened"|"open"|"paused"|"closed"|"settled" which ones
---@field tickers? string[] of the markets
---@field mve_filter? "only"|"exclude" combos only, or all but combos
---@field max_updated_ts? integer not changed since, seconds since 1970

---The markets of kalshi.get_markets row by row, all pages, each when it is needed.
---Raises what that raises, at the row whose page failed.
---```lua
---for row in kalshi.each.get_markets{ status = "open", max = 5 } do print(row.ticker) end
---```
---@async
---@param query? kalshi.GetMarketsQuery|kalshi.Walk which ones, and how many
---@return fun(): kalshi.Market? next for `for`
function each.get_markets(query) end

---The trades of kalshi.get_trades row by row, all pages, each when it is needed.
---Raises what that raises, at the row whose page failed.
---```lua
---for row in kalshi.each.get_trades{ max = 5 } do print(row.ticker) end
---```
---@async
---@param query? kalshi.GetTradesQuery|kalshi.Walk which ones, and how many
---@return fun(): kalshi.Trade? next for `for`
function each.get_trades(query) end

---The milestones of kalshi.get_milestones row by row, all pages, each when it is needed.
---Raises what that raises, at the row whose page failed.
---```lua
---for row in kalshi.each.get_milestones{ max = 5 } do print(row.id) end
---```
---@async
---@param query kalshi.GetMilestonesQuery|kalshi.Walk which ones, and how many
---@return fun(): kalshi.GetEventsAnswerMilestones? next for `for`
function each.get_milestones(query) end

---The multivariate_contracts of kalshi.get_multivariate_event_collections row by row, all pages, each when it is needed.
---Raises what that raises, at the row whose page failed.
---```lua
---for row in kalshi.each.get_multivariate_event_collections{ max = 5 } do print(row.collection_ticker) end
---```
---@async
---@param query? kalshi.GetMultivariateEventCollectionsQuery|kalshi.Walk which ones, and how many
---@return fun(): kalshi.GetMultivariateEventCollectionsAnswerMultivariateContracts? next for `for`
function each.get_multivariate_event_collections(query) end

---The orders of kalshi.get_orders row by row, all pages, each when it is needed.
---Raises what that raises, at the row whose page failed.
---```lua
---for row in kalshi.each.get_orders{ max = 5 } do print(row.ticker) end
---```
---@async
---@param query? kalshi.GetOrdersQuery|kalshi.Walk which ones, and how many
---@return fun(): kalshi.GetFcmOrdersAnswerOrders? next for `for`
function each.get_orders(query) end

---The deposits of kalshi.get_deposits row by row, all pages, each when it is needed.
---Raises what that raises, at the row whose page failed.
---```lua
---for row in kalshi.each.get_deposits{ max = 5 } do print(row.id) end
---```
---@async
---@param query? kalshi.GetDepositsQuery|kalshi.Walk which ones, and how many
---@return fun(): kalshi.GetDepositsAnswerDeposits? next for `for`
function each.get_deposits(query) end

---The fills of kalshi.get_fills row by row, all pages, each when it is needed.
---Raises what that raises, at the row whose page failed.
---```lua
---for row in kalshi.each.get_fills{ max = 5 } do print(row.ticker) end
---```
---@async
---@param query? kalshi.GetFillsQuery|kalshi.Walk which ones, and how many
---@return fun(): kalshi.GetFcmFillsAnswerFills? next for `for`
function each.get_fills(query) end

---The transfers of kalshi.get_intra_exchange_instance_transfers row by row, all pages, each when it is needed.
---Raises what that raises, at the row whose page failed.
---```lua
---for row in kalshi.each.get_intra_exchange_instance_transfers{ max = 5 } do print(row.transfer_id) end
---```
---@async
---@param query? kalshi.GetIntraExchangeInstanceTransfersQuery|kalshi.Walk which ones, and how many
---@return fun(): kalshi.GetIntraExchangeInstanceTransfersAnswerTransfers? next for `for`
function each.get_intra_exchange_instance_transfers(query) end

---The market_positions of kalshi.get_positions row by row, all pages, each when it is needed.
---Raises what that raises, at the row whose page failed.
---```lua
---for row in kalshi.each.get_positions{ max = 5 } do print(row.ticker) end
---```
---@async
---@param query? kalshi.GetPositionsQuery|kalshi.Walk which ones, and how many
---@return fun(): kalshi.GetFcmPositionsAnswerMarketPositions? next for `for`
function each.get_positions(query) end

---The settlements of kalshi.get_settlements row by row, all pages, each when it is needed.
---Raises what that raises, at the row whose page failed.
---```lua
---for row in kalshi.each.get_settlements{ max = 5 } do print(row.ticker) end
---```
---@async
---@param query? kalshi.GetSettlementsQuery|kalshi.Walk which ones, and how many
---@return fun(): kalshi.GetSettlementsAnswerSettlements? next for `for`
function each.get_settlements(query) end

---The transfers of kalshi.get_subaccount_transfers row by row, all pages, each when it is needed.
---Raises what that raises, at the row whose page failed.
---```lua
---for row in kalshi.each.get_subaccount_transfers{ max = 5 } do print(row.transfer_id) end
---```
---@async
---@param query? kalshi.GetSubaccountTransfersQuery|kalshi.Walk which ones, and how many
---@return fun(): kalshi.GetSubaccountTransfersAnswerTransfers? next for `for`
function each.get_subaccount_transfers(query) end

---The withdrawals of kalshi.get_withdrawals row by row, all pages, each when it is needed.
---Raises what that raises, at the row whose page failed.
---```lua
---for row in kalshi.each.get_withdrawals{ max = 5 } do print(row.id) end
---```
---@async
---@param query? kalshi.GetWithdrawalsQuery|kalshi.Walk which ones, and how many
---@return fun(): kalshi.GetDepositsAnswerDeposits? next for `for`
function each.get_withdrawals(query) end

---The structured_targets of kalshi.get_structured_targets row by row, all pages, each when it is needed.
---Raises what that raises, at the row whose page failed.
---```lua
---for row in kalshi.each.get_structured_targets{ max = 5 } do print(row.id) end
---```
---@async
---@param query? kalshi.GetStructuredTargetsQuery|kalshi.Walk which ones, and how many
---@return fun(): kalshi.GetStructuredTargetsAnswerStructuredTargets? next for `for`
function each.get_structured_targets(query) end

---Operations that the exchange has superseded, and still answers or has removed.
---@class kalshi.Legacy
local legacy = {}

---Takes a quote back. Today it is `kalshi.delete_rfq_quote`. Raises "validation" for a wrong parameter, "auth" without
---a key that may do it, "permission" on production without `--live`, "http" for what the exchange refuses, "network" or
---"timeout" where no answer came.
---```lua
---kalshi.legacy.delete_quote("QUOTE_ID")
---```
---@deprecated
---@async
---@param quote_id string the exchange's id of the quote
---@param query? kalshi.CallOptions what narrows it
function legacy.delete_quote(quote_id, query) end

---One quote. Today it is `kalshi.get_rfq_quote`. Raises "validation" for a wrong parameter, "auth" without a key that
---may do it, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.legacy.get_quote("QUOTE_ID")
---```
---@deprecated
---@async
---@param quote_id string the exchange's id of the quote
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.GetRfqQuoteAnswer answer of the exchange
function legacy.get_quote(quote_id, query) end

---What `kalshi.legacy.accept_quote` takes by name.
---@class kalshi.LegacyAcceptQuoteQuery: kalshi.CallOptions
---@field accepted_side "yes"|"no" the side of the quote that is taken

---Accepts one side of a quote. Today it is `kalshi.accept_rfq_quote`. Raises "validation" for a wrong parameter, "auth"
---without a key that may do it, "permission" on production without `--live`, "risk" where a limit forbids it, "http"
---for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.legacy.accept_quote("QUOTE_ID", { accepted_side = "yes" })
---```
---@deprecated
---@async
---@param quote_id string the exchange's id of the quote
---@param query kalshi.LegacyAcceptQuoteQuery with what is required
function legacy.accept_quote(quote_id, query) end

---Confirms a quote that was accepted, so that its orders go to the book. Today it is `kalshi.confirm_rfq_quote`. Raises
---"validation" for a wrong parameter, "auth" without a key that may do it, "permission" on production without `--live`,
---"http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.legacy.confirm_quote("QUOTE_ID")
---```
---@deprecated
---@async
---@param quote_id string the exchange's id of the quote
---@param query? kalshi.CallOptions what narrows it
function legacy.confirm_quote(quote_id, query) end

---A part of kalshi.LegacyGetExchangeAnnouncementsAnswer.
---@class kalshi.LegacyGetExchangeAnnouncementsAnswerAnnouncements
---@field type "info"|"warning"|"error"
---@field message string
---@field delivery_time string a time in UTC
---@field status "active"|"inactive"

---What `kalshi.legacy.get_exchange_announcements` answers.
---@class kalshi.LegacyGetExchangeAnnouncementsAnswer
---@field announcements kalshi.LegacyGetExchangeAnnouncementsAnswerAnnouncements[]

---What the exchange announced. Raises "validation" for a wrong parameter, "http" for what the exchange refuses,
---"network" or "timeout" where no answer came.
---```lua
---kalshi.legacy.get_exchange_announcements()
---```
---@deprecated
---@async
---@param query? kalshi.CallOptions what narrows it
---@return kalshi.LegacyGetExchangeAnnouncementsAnswer answer of the exchange
function legacy.get_exchange_announcements(query) end

---What `kalshi.legacy.get_live_data` takes by name.
---@class kalshi.LegacyGetLiveDataQuery: kalshi.CallOptions
---@field include_player_stats? boolean with numbers of the players

---What happens in a milestone right now, by its type. Today it is `kalshi.get_live_data_by_milestone`. Raises
---"validation" for a wrong parameter, "http" for what the exchange refuses, "network" or "timeout" where no answer
---came.
---```lua
---kalshi.legacy.get_live_data("TYPE", "MILESTONE_ID")
---```
---@deprecated
---@async
---@param type string which kind
---@param milestone_id string of the milestone
---@param query? kalshi.LegacyGetLiveDataQuery what narrows it
---@return kalshi.GetLiveDataByMilestoneAnswer answer of the exchange
function legacy.get_live_data(type, milestone_id, query) end

---What `kalshi.legacy.get_multivariate_event_collection_lookup_history` takes by name.
---@class kalshi.LegacyGetMultivariateEventCollectionLookupHistoryQuery: kalshi.CallOptions
---@field lookback_seconds "10"|"60"|"300"|"3600" how far back

---A part of kalshi.LegacyGetMultivariateEventCollectionLookupHistoryAnswer.
---@class kalshi.LegacyGetMultivariateEventCollectionLookupHistoryAnswerLookupPoints
---@field event_ticker string
---@field market_ticker string
---@field selected_markets kalshi.CreateMarketInMultivariateEventCollectionQuerySelectedMarkets[]
---@field last_queried_ts string a time in UTC

---What `kalshi.legacy.get_multivariate_event_collection_lookup_history` answers.
---@class kalshi.LegacyGetMultivariateEventCollectionLookupHistoryAnswer
---@field lookup_points kalshi.LegacyGetMultivariateEventCollectionLookupHistoryAnswerLookupPoints[]

---Combos of a collection that were looked up of late. Raises "validation" for a wrong parameter, "http" for what the
---exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.legacy.get_multivariate_event_collection_lookup_history("COLLECTION_TICKER", { lookback_seconds = 10 })
---```
---@deprecated
---@async
---@param collection_ticker string of the collection
---@param query kalshi.LegacyGetMultivariateEventCollectionLookupHistoryQuery with what is required
---@return kalshi.LegacyGetMultivariateEventCollectionLookupHistoryAnswer answer of the exchange
function legacy.get_multivariate_event_collection_lookup_history(collection_ticker, query) end

---What `kalshi.legacy.lookup_tickers_for_market_in_multivariate_event_collection` takes by name.
---@class kalshi.LegacyLookupTickersForMarketInMultivariateEventCollectionQuery: kalshi.CallOptions
---@field selected_markets kalshi.CreateMarketInMultivariateEventCollectionQuerySelectedMarkets[] { market_ticker, event_ticker, side } of each leg

---What `kalshi.legacy.lookup_tickers_for_market_in_multivariate_event_collection` answers.
---@class kalshi.LegacyLookupTickersForMarketInMultivariateEventCollectionAnswer
---@field event_ticker string
---@field market_ticker string

---Finds the market of a combo. Raises "validation" for a wrong parameter, "auth" without a key that may do it,
---"permission" on production without `--live`, "http" for what the exchange refuses, "network" or "timeout" where no
---answer came.
---```lua
---kalshi.legacy.lookup_tickers_for_market_in_multivariate_event_collection("COLLECTION_TICKER", { selected_markets = { { market_ticker = ticker, event_ticker = kalshi.get_market(ticker).market.event_ticker, side = "yes" } } })
---```
---@deprecated
---@async
---@param collection_ticker string of the collection
---@param query kalshi.LegacyLookupTickersForMarketInMultivariateEventCollectionQuery with what is required
---@return kalshi.LegacyLookupTickersForMarketInMultivariateEventCollectionAnswer answer of the exchange
function legacy.lookup_tickers_for_market_in_multivariate_event_collection(collection_ticker, query) end

---What `kalshi.legacy.create_order` takes by name.
---@class kalshi.LegacyCreateOrderQuery: kalshi.CallOptions
---@field ticker string of the market
---@field side "yes"|"no" what is bought or sold
---@field action "buy"|"sell" buy or sell
---@field buy_max_cost? integer what it may cost, cents; then it is all or nothing
---@field cancel_order_on_pause? boolean canceled when trading is paused
---@field client_order_id? string an id of your own; made up when it is left out
---@field count? integer how much
---@field count_fp? number how much, contracts
---@field exchange_index? integer the shard of the exchange; usually found by itself
---@field expiration_ts? integer until when, seconds since 1970
---@field no_price? integer cents
---@field no_price_dollars? number of NO, dollars
---@field order_group_id? string the exchange's id of the group
---@field post_only? boolean refused where it would trade at once
---@field reduce_only? boolean it only makes a position smaller
---@field self_trade_prevention_type? "taker_at_cross"|"maker" which of two own orders that would meet is canceled: the new one (taker_at_cross) or the one that rests
---@field sell_position_floor? integer the position does not get smaller than this
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones
---@field time_in_force? "fill_or_kill"|"good_till_canceled"|"immediate_or_cancel" rest until canceled, take what is there, or all at once or nothing
---@field yes_price? integer cents
---@field yes_price_dollars? number of YES, dollars

---Places an order. Today it is `kalshi.create_order`. Raises "validation" for a wrong parameter, "auth" without a key
---that may do it, "permission" on production without `--live`, "risk" where a limit forbids it, "http" for what the
---exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.legacy.create_order{ ticker = ticker, side = "yes", action = "buy" }
---```
---@deprecated
---@async
---@param query kalshi.LegacyCreateOrderQuery with what is required
---@return kalshi.GetOrderAnswer answer of the exchange
function legacy.create_order(query) end

---What `kalshi.legacy.cancel_order` takes by name.
---@class kalshi.LegacyCancelOrderQuery: kalshi.CallOptions
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones
---@field exchange_index? integer the shard of the exchange; usually found by itself
---@field market_ticker? string of the market

---What `kalshi.legacy.cancel_order` answers.
---@class kalshi.LegacyCancelOrderAnswer
---@field order kalshi.GetFcmOrdersAnswerOrders the order
---@field reduced_by_fp number contracts

---Cancels an order. Today it is `kalshi.cancel_order`. Raises "validation" for a wrong parameter, "auth" without a key
---that may do it, "permission" on production without `--live`, "http" for what the exchange refuses, "network" or
---"timeout" where no answer came.
---```lua
---kalshi.legacy.cancel_order(kalshi.orders()[1].order_id)
---```
---@deprecated
---@async
---@param order_id string the exchange's id of the order
---@param query? kalshi.LegacyCancelOrderQuery what narrows it
---@return kalshi.LegacyCancelOrderAnswer answer of the exchange
function legacy.cancel_order(order_id, query) end

---What `kalshi.legacy.amend_order` takes by name.
---@class kalshi.LegacyAmendOrderQuery: kalshi.CallOptions
---@field ticker string of the market
---@field side "yes"|"no" what is bought or sold
---@field action "buy"|"sell" buy or sell
---@field client_order_id? string an id of your own; made up when it is left out
---@field count? integer how much
---@field count_fp? number how much, contracts
---@field exchange_index? integer the shard of the exchange; usually found by itself
---@field no_price? integer cents
---@field no_price_dollars? number of NO, dollars
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones
---@field updated_client_order_id? string the order has this id of your own afterwards
---@field yes_price? integer cents
---@field yes_price_dollars? number of YES, dollars

---What `kalshi.legacy.amend_order` answers.
---@class kalshi.LegacyAmendOrderAnswer
---@field old_order kalshi.GetFcmOrdersAnswerOrders
---@field order kalshi.GetFcmOrdersAnswerOrders the order

---Gives an order another price or size. Today it is `kalshi.amend_order`. Raises "validation" for a wrong parameter,
---"auth" without a key that may do it, "permission" on production without `--live`, "risk" where a limit forbids it,
---"http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.legacy.amend_order(kalshi.orders()[1].order_id, { ticker = ticker, side = "yes", action = "buy" })
---```
---@deprecated
---@async
---@param order_id string the exchange's id of the order
---@param query kalshi.LegacyAmendOrderQuery with what is required
---@return kalshi.LegacyAmendOrderAnswer answer of the exchange
function legacy.amend_order(order_id, query) end

---What `kalshi.legacy.decrease_order` takes by name.
---@class kalshi.LegacyDecreaseOrderQuery: kalshi.CallOptions
---@field exchange_index? integer the shard of the exchange; usually found by itself
---@field reduce_by? integer so many contracts less
---@field reduce_by_fp? number so many contracts less, contracts
---@field reduce_to? integer so many contracts that rest
---@field reduce_to_fp? number so many contracts that rest, contracts
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones

---Makes a resting order smaller. Today it is `kalshi.decrease_order`. Raises "validation" for a wrong parameter, "auth"
---without a key that may do it, "permission" on production without `--live`, "http" for what the exchange refuses,
---"network" or "timeout" where no answer came.
---```lua
---kalshi.legacy.decrease_order(kalshi.orders()[1].order_id)
---```
---@deprecated
---@async
---@param order_id string the exchange's id of the order
---@param query? kalshi.LegacyDecreaseOrderQuery what narrows it
---@return kalshi.GetOrderAnswer answer of the exchange
function legacy.decrease_order(order_id, query) end

---What `kalshi.legacy.batch_cancel_orders` takes by name.
---@class kalshi.LegacyBatchCancelOrdersQuery: kalshi.CallOptions
---@field ids? string[] of the targets; deprecated
---@field orders? kalshi.BatchCancelOrdersQueryOrders[] one table for each order

---A part of kalshi.LegacyBatchCancelOrdersAnswer.
---@class kalshi.LegacyBatchCancelOrdersAnswerOrders
---@field order_id string
---@field reduced_by_fp number contracts
---@field error? kalshi.BatchCancelOrdersAnswerOrdersError
---@field order? kalshi.GetFcmOrdersAnswerOrders

---What `kalshi.legacy.batch_cancel_orders` answers.
---@class kalshi.LegacyBatchCancelOrdersAnswer
---@field orders kalshi.LegacyBatchCancelOrdersAnswerOrders[] one table for each order

---Cancels several orders. Today it is `kalshi.batch_cancel_orders`. Raises "validation" for a wrong parameter, "auth"
---without a key that may do it, "permission" on production without `--live`, "http" for what the exchange refuses,
---"network" or "timeout" where no answer came.
---```lua
---kalshi.legacy.batch_cancel_orders()
---```
---@deprecated
---@async
---@param query? kalshi.LegacyBatchCancelOrdersQuery what narrows it
---@return kalshi.LegacyBatchCancelOrdersAnswer answer of the exchange
function legacy.batch_cancel_orders(query) end

---A part of kalshi.LegacyBatchCreateOrdersQuery.
---@class kalshi.LegacyBatchCreateOrdersQueryOrders
---@field ticker string of the market
---@field side "yes"|"no" what is bought or sold
---@field action "buy"|"sell" buy or sell
---@field buy_max_cost? integer what it may cost, cents; then it is all or nothing
---@field cancel_order_on_pause? boolean canceled when trading is paused
---@field client_order_id? string an id of your own; made up when it is left out
---@field count? integer how much
---@field count_fp? number how much, contracts
---@field exchange_index? integer the shard of the exchange; usually found by itself
---@field expiration_ts? integer until when, seconds since 1970
---@field no_price? integer cents
---@field no_price_dollars? number of NO, dollars
---@field order_group_id? string the exchange's id of the group
---@field post_only? boolean refused where it would trade at once
---@field reduce_only? boolean it only makes a position smaller
---@field self_trade_prevention_type? "taker_at_cross"|"maker" which of two own orders that would meet is canceled: the new one (taker_at_cross) or the one that rests
---@field sell_position_floor? integer the position does not get smaller than this
---@field subaccount? integer 0 is the primary one, 1 to 63 are the numbered ones
---@field time_in_force? "fill_or_kill"|"good_till_canceled"|"immediate_or_cancel" rest until canceled, take what is there, or all at once or nothing
---@field yes_price? integer cents
---@field yes_price_dollars? number of YES, dollars

---What `kalshi.legacy.batch_create_orders` takes by name.
---@class kalshi.LegacyBatchCreateOrdersQuery: kalshi.CallOptions
---@field orders kalshi.LegacyBatchCreateOrdersQueryOrders[] one table for each order

---A part of kalshi.LegacyBatchCreateOrdersAnswer.
---@class kalshi.LegacyBatchCreateOrdersAnswerOrders
---@field client_order_id? string
---@field error? kalshi.BatchCancelOrdersAnswerOrdersError
---@field order? kalshi.GetFcmOrdersAnswerOrders

---What `kalshi.legacy.batch_create_orders` answers.
---@class kalshi.LegacyBatchCreateOrdersAnswer
---@field orders kalshi.LegacyBatchCreateOrdersAnswerOrders[] one table for each order

---Places several orders. Today it is `kalshi.batch_create_orders`. Raises "validation" for a wrong parameter, "auth"
---without a key that may do it, "permission" on production without `--live`, "risk" where a limit forbids it, "http"
---for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.legacy.batch_create_orders{ orders = { { ticker = ticker, side = "yes", action = "buy" } } }
---```
---@deprecated
---@async
---@param query kalshi.LegacyBatchCreateOrdersQuery with what is required
---@return kalshi.LegacyBatchCreateOrdersAnswer answer of the exchange
function legacy.batch_create_orders(query) end

---What `kalshi.legacy.apply_subaccount_position_transfer` takes by name.
---@class kalshi.LegacyApplySubaccountPositionTransferQuery: kalshi.CallOptions
---@field client_transfer_id string an id of your own (a UUID): the same one again moves nothing
---@field from_subaccount? integer where it comes from
---@field to_subaccount? integer where it goes to
---@field market_ticker string of the market
---@field side "yes"|"no" which contracts
---@field count? integer how much
---@field price number of YES, dollars

---What `kalshi.legacy.apply_subaccount_position_transfer` answers.
---@class kalshi.LegacyApplySubaccountPositionTransferAnswer
---@field position_transfer_id string

---Moves a position between subaccounts. Raises "validation" for a wrong parameter, "auth" without a key that may do it,
---"permission" on production without `--live`, "http" for what the exchange refuses, "network" or "timeout" where no
---answer came.
---```lua
---kalshi.legacy.apply_subaccount_position_transfer{ client_transfer_id = "5d2f1c3a-8f0e-4c61-9b7e-2a4d6e8f0a1b", from_subaccount = 5, to_subaccount = 5, market_ticker = ticker, side = "yes", count = 5, price = 0.42 }
---```
---@deprecated
---@async
---@param query kalshi.LegacyApplySubaccountPositionTransferQuery with what is required
---@return kalshi.LegacyApplySubaccountPositionTransferAnswer answer of the exchange
function legacy.apply_subaccount_position_transfer(query) end

---What `kalshi.legacy.unlock_subaccount_for_settlement_advance` takes by name.
---@class kalshi.LegacyUnlockSubaccountForSettlementAdvanceQuery: kalshi.CallOptions
---@field subaccount_number? integer of the subaccount
---@field exchange_index? integer the shard of the exchange; usually found by itself

---Ends the lock against an advance on a settlement. Raises "validation" for a wrong parameter, "auth" without a key
---that may do it, "permission" on production without `--live`, "http" for what the exchange refuses, "network" or
---"timeout" where no answer came.
---```lua
---kalshi.legacy.unlock_subaccount_for_settlement_advance{ subaccount_number = 5 }
---```
---@deprecated
---@async
---@param query kalshi.LegacyUnlockSubaccountForSettlementAdvanceQuery with what is required
---@return table answer of the exchange
function legacy.unlock_subaccount_for_settlement_advance(query) end

---What `kalshi.legacy.lock_subaccount_for_settlement_advance` takes by name.
---@class kalshi.LegacyLockSubaccountForSettlementAdvanceQuery: kalshi.CallOptions
---@field subaccount_number? integer of the subaccount
---@field exchange_index? integer the shard of the exchange; usually found by itself

---What `kalshi.legacy.lock_subaccount_for_settlement_advance` answers.
---@class kalshi.LegacyLockSubaccountForSettlementAdvanceAnswer
---@field settlement_advance_state string

---Locks a subaccount against an advance on a settlement. Raises "validation" for a wrong parameter, "auth" without a
---key that may do it, "permission" on production without `--live`, "http" for what the exchange refuses, "network" or
---"timeout" where no answer came.
---```lua
---kalshi.legacy.lock_subaccount_for_settlement_advance{ subaccount_number = 5 }
---```
---@deprecated
---@async
---@param query kalshi.LegacyLockSubaccountForSettlementAdvanceQuery with what is required
---@return kalshi.LegacyLockSubaccountForSettlementAdvanceAnswer answer of the exchange
function legacy.lock_subaccount_for_settlement_advance(query) end

return kalshi
