#!/usr/bin/env node
// A client of Milepost in Node: an organization, a customer, an opportunity through its stages until it is won, the
// report that shows it, and a target that is split, approved and followed. Against a running suite:
//
//   ./dev up
//   node tests/clients/node/main_job.js          (or with MILEPOST_PROFILE=FILE)
//
// Needs the modules of package-lock.json (`npm ci`). May be repeated: every run uses ids of its own.
'use strict';

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');
const protobuf = require('protobufjs');

const root = path.resolve(__dirname, '../../..');
const includeDirs = [path.join(root, 'protos'), '/usr/share/gocode/src/github.com/gogo/googleapis'];
const deadlineMilliseconds = 20000;

// Spread calls over healthy replicas; send again what was UNAVAILABLE: every write carries a request_id.
const serviceConfig = JSON.stringify({
  loadBalancingConfig: [{round_robin: {}}],
  healthCheckConfig: {serviceName: ''},
  methodConfig: [{name: [{}], retryPolicy: {maxAttempts: 4, initialBackoff: '0.1s', maxBackoff: '1s',
    backoffMultiplier: 2, retryableStatusCodes: ['UNAVAILABLE']}}],
});

const files = ['customer/v1/customer', 'customer/v1/interaction', 'opportunity/v1/opportunity', 'opportunity/v1/order',
  'opportunity/v1/process', 'opportunity/v1/product', 'organization/v1/unit', 'organization/v1/member',
  'target/v1/plan', 'target/v1/node', 'reporting/v1/report'].map((file) => `milepost/${file}.proto`);

// Amounts have 64 bits: as text here, as BigInt where they are added.
const api = grpc.loadPackageDefinition(protoLoader.loadSync(
    files, {includeDirs, keepCase: true, longs: String, enums: String, defaults: true, oneofs: true})).milepost;

// Typed details of errors.
const types = new protobuf.Root();
types.resolvePath = (origin, target) => {
  const found = [...includeDirs.map((folder) => path.join(folder, target)), target].find((file) => fs.existsSync(file));
  return found === undefined && protobuf.common.get(target) ? null : found;
};
types.loadSync(['google/rpc/status.proto', 'google/rpc/error_details.proto', ...files], {keepCase: true});

function detail(error, name) {
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  if (bytes === undefined) return undefined;
  const packed = types.lookupType('google.rpc.Status').decode(bytes).details
      .find((any) => any.type_url.endsWith('/' + name));
  if (packed === undefined) return undefined;
  const type = types.lookupType(name);
  return type.toObject(type.decode(packed.value), {enums: String, arrays: true});
}

const profilePath = process.env.MILEPOST_PROFILE || path.join(root, '.local/profile.json');
const profile = JSON.parse(fs.readFileSync(profilePath, 'utf8'));
const fileOf = (key) => fs.readFileSync(path.resolve(path.dirname(profilePath), profile[key]));

const clients = [];

// A client whose methods answer with promises and have a deadline.
function connect(Service, service, tokenKey = 'token_file') {
  const token = fileOf(tokenKey).toString().trim();
  const credentials = grpc.credentials.combineChannelCredentials(
      grpc.credentials.createSsl(fileOf('ca_file')),
      grpc.credentials.createFromMetadataGenerator((_, done) => {
        const metadata = new grpc.Metadata();
        metadata.set('authorization', `Bearer ${token}`);
        done(null, metadata);
      }));
  const client = new Service(`dns:///${profile[service]}`, credentials, {'grpc.service_config': serviceConfig});
  clients.push(client);
  return new Proxy(client, {
    get(target, method) {
      const definition = Service.service[method];
      if (definition === undefined) return target[method];
      if (definition.requestStream || definition.responseStream) return target[method].bind(target);
      return (request) => new Promise((resolve, reject) => target[method](
          request, {deadline: Date.now() + deadlineMilliseconds},
          (error, answer) => error ? reject(error) : resolve(answer)));
    },
  });
}

async function refused(promise, code) {
  try {
    await promise;
  } catch (error) {
    assert.equal(error.code, code, `${error.code} ${error.details}`);
    return error;
  }
  throw new assert.AssertionError({message: `was not refused with ${grpc.status[code]}`});
}

// Repeats while the services have not heard yet of what another one knows.
async function onceKnown(call, code = grpc.status.FAILED_PRECONDITION) {
  const end = Date.now() + 15000;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (error.code !== code || Date.now() > end) throw error;
      await new Promise((done) => setTimeout(done, 20));
    }
  }
}

const say = (text) => console.log(text);
const id = () => crypto.randomUUID();
const money = (yuan) => ({currency_code: 'CNY', minor_units: String(yuan * 100)});
const sum = (values) => values.reduce((total, value) => total + BigInt(value), 0n);

async function main() {
  const run = 'js-' + crypto.randomBytes(4).toString('hex');
  const [thisYear, month, monthDay] = new Date(Date.now() + 8 * 3600 * 1000).toISOString().slice(0, 10).split('-').map(Number);
  const today = {year: thisYear, month, day: monthDay};
  const year = {first_date: {year: thisYear, month: 1, day: 1}, last_date: {year: thisYear, month: 12, day: 31}};
  const begin = {year: 2020, month: 1, day: 1};

  const units = connect(api.organization.v1.UnitService, 'target');
  const members = connect(api.organization.v1.MemberService, 'target');
  const plans = connect(api.target.v1.PlanService, 'target');
  const nodes = connect(api.target.v1.NodeService, 'target');
  const customers = connect(api.customer.v1.CustomerService, 'customer');
  const interactions = connect(api.customer.v1.InteractionService, 'customer');
  const opportunities = connect(api.opportunity.v1.OpportunityService, 'opportunity');
  const orders = connect(api.opportunity.v1.OrderService, 'opportunity');
  const processes = connect(api.opportunity.v1.ProcessService, 'opportunity');
  const products = connect(api.opportunity.v1.ProductService, 'opportunity');
  const reports = connect(api.reporting.v1.ReportService, 'reporting');

  say(`${run}: an organization of one team and two sellers`);
  const team = await units.CreateUnit({unit_id: `${run}-team`, request_id: id(),
    unit: {display_name: 'Node 组', kind: 'TEAM', start_date: begin}});
  for (const who of ['anna', 'bo']) {
    await members.CreateMember({member_id: `${run}-${who}`, request_id: id(),
      member: {display_name: who, unit: team.name, start_date: begin}});
  }

  say('a customer, as soon as customer-svc has heard of the sellers');
  const wanted = {customer_id: `${run}-customer`, request_id: id(), allow_duplicates: true, customer: {
    kind: 'COMPANY', display_name: `节点科技 ${run} 有限公司`, owner: `members/${run}-anna`, phone: '010-12345678'}};
  const customer = await onceKnown(() => customers.CreateCustomer(wanted));
  assert.deepEqual(await customers.CreateCustomer(wanted), customer, 'a repeat answers with the same customer');
  const found = await customers.SearchCustomers({query: `科技 ${run}`});
  assert.deepEqual(found.customers.map((one) => one.name), [customer.name]);
  await interactions.RecordInteraction({request_id: id(),
    interaction: {customer: customer.name, member: `members/${run}-anna`, type: 'VISIT', purpose: 'NEW_CUSTOMER',
      subject: '初次拜访'},
    outcome: {result: 'SUCCESSFUL', outcome: '有兴趣', done_time: {seconds: Math.floor(Date.now() / 1000) - 60}}});

  say('an import of three customers: two are written, the third is refused with its line and field');
  const results = await new Promise((resolve, reject) => {
    const stream = customers.ImportCustomers({deadline: Date.now() + deadlineMilliseconds});
    const answers = [];
    stream.on('data', (answer) => answers.push(...answer.results));
    stream.on('error', reject);
    stream.on('end', () => resolve(answers));
    stream.write({request_id: id(), rows: ['甲公司', '乙公司', ''].map((name, i) => ({line: i + 1,
      customer: {name: `customers/${run}-import-${i + 1}`, kind: 'COMPANY', display_name: name}}))});
    stream.end();
  });
  assert.deepEqual(results.map((result) => result.outcome), ['CREATED', 'CREATED', 'REFUSED']);
  assert.deepEqual([results[2].line, results[2].problems[0].field], ['3', 'display_name']);

  say('a product and a sales process of two stages');
  const product = await products.CreateProduct({product_id: `${run}-product`, request_id: id(),
    product: {title: '六轴机械臂', unit: '台', unit_cost: money(600)}});
  const sales = await processes.CreateProcess({process_id: `${run}-process`, request_id: id(), process: {
    title: '直销', stages: [
      {stage_id: 'needs', title: '需求确认', win_probability_ppm: 300000,
        milestones: [{milestone_id: 'list-confirmed', title: '需求清单已确认'}]},
      {stage_id: 'offer', title: '方案报价', win_probability_ppm: 600000, required_fields: ['AMOUNT']}]}});

  const seen = [];
  const watching = opportunities.WatchOpportunities({owners: [`members/${run}-anna`]});
  const watched = new Promise((resolve, reject) => {
    watching.on('data', (change) => {
      if (change.change_type === '') return;
      seen.push([change.opportunity.name, change.change_type]);
      if (change.opportunity.name === `opportunities/${run}-2` && change.change_type === 'opportunity.won') resolve();
    });
    watching.on('error', (error) => error.code === grpc.status.CANCELLED ? resolve() : reject(error));
  });
  // The first answer only says where the watch begins.
  await new Promise((resolve) => watching.once('data', resolve));

  const openOne = (number) => onceKnown(() => opportunities.CreateOpportunity({opportunity_id: `${run}-${number}`,
    request_id: id(), opportunity: {title: `机械臂 ${number} 台`, customer: customer.name, owner: `members/${run}-anna`,
      product: product.name, process: sales.name, region: 'east'}}));

  say('an opportunity: the move to the next stage is refused with all that is missing, then done');
  const first = await openOne(0);
  const error = await refused(opportunities.MoveStage({name: first.name, stage: 'offer', request_id: id()}),
      grpc.status.FAILED_PRECONDITION);
  const blockers = detail(error, 'milepost.opportunity.v1.StageMoveBlockers');
  assert.deepEqual(blockers.missing_milestones.map((missing) => missing.milestone), ['list-confirmed']);
  assert.deepEqual(blockers.missing_fields, ['AMOUNT']);
  say(`  refused: ${error.details} (${detail(error, 'google.rpc.ErrorInfo').reason})`);

  say('won: an order, and the revenue report shows it');
  const took = [];
  let sold = 0n;
  for (let number = 0; number < 3; ++number) {
    const {name} = number === 0 ? first : await openOne(number);
    await opportunities.CompleteMilestone({name, milestone: 'list-confirmed', request_id: id()});
    const changed = await opportunities.UpdateOpportunity({opportunity: {name, amount: money(1000)}, request_id: id()});
    const moved = await opportunities.MoveStage({name, stage: 'offer', etag: changed.etag, request_id: id()});
    assert.equal(moved.stage, 'offer');
    assert.equal(moved.stage_history.length, 2);
    const won = await opportunities.WinOpportunity({name, amount: money(1000 + number), close_reason: 'service',
      lines: [{product: product.name, quantity: 1, unit_price: money(1000 + number)}], request_id: id()});
    const began = process.hrtime.bigint();
    const order = await orders.GetOrder({name: won.order});
    assert.deepEqual([order.amount, order.margin], [money(1000 + number), money(400 + number)]);
    sold += BigInt(order.amount.minor_units);
    for (;;) {
      const report = await onceKnown(() => reports.GetRevenue({range: year, filter: {unit: team.name}}),
          grpc.status.NOT_FOUND);
      if (BigInt(report.total.sum.revenue) === sold) break;
      assert.ok(process.hrtime.bigint() - began < 20_000_000_000n, 'the report does not show the order');
      await new Promise((done) => setTimeout(done, 10));
    }
    took.push(Number(process.hrtime.bigint() - began) / 1e6);
  }
  say(`  after ${took.map((milliseconds) => milliseconds.toFixed(0) + ' ms').join(', ')}`);
  assert.ok(took.sort((a, b) => a - b)[1] < 1000, 'reports should show an order within a second');
  await refused(opportunities.LoseOpportunity({name: first.name, close_reason: 'price', request_id: id()}),
      grpc.status.FAILED_PRECONDITION);
  await watched;
  watching.cancel();
  assert.deepEqual(seen[0], [first.name, 'opportunity.created']);

  say('a target for the year: by member, by month on working days; every level adds up exactly');
  const total = 10_000_001n;
  const plan = await plans.CreatePlan({plan_id: `${run}-plan`, request_id: id(), plan: {title: '销售收入',
    metric: 'metrics/revenue', period: year, target_units: String(total), unit: team.name, visibility: 'PUBLIC'}});
  for (const split of [
    {leaves: {}, dimension: 'MEMBER', organization: 'DIRECT_MEMBERS', even: {}},
    {leaves: {}, dimension: 'PERIOD', grain: 'MONTH', working_calendar: {}}]) {
    await nodes.SplitNodes({plan: plan.name, split, request_id: id()});
  }
  const levels = [[], [], []];
  for (const node of (await nodes.ListNodes({plan: plan.name, page_size: 500})).nodes) levels[node.depth].push(node.target_units);
  assert.deepEqual(levels.map((level) => level.length), [1, 2, 24]);
  for (const level of levels) assert.equal(sum(level), total);

  say('submitted; its owner may not approve it, somebody else does');
  await plans.SubmitPlan({name: plan.name, request_id: id()});
  await refused(plans.ApprovePlan({name: plan.name, request_id: id()}), grpc.status.PERMISSION_DENIED);
  const approver = connect(api.target.v1.PlanService, 'target', 'approver_token_file');
  await approver.ApprovePlan({name: plan.name, request_id: id()});
  assert.equal((await approver.ActivatePlan({name: plan.name, request_id: id()})).state, 'ACTIVE');

  say('the progress table');
  const progress = await onceKnown(() => reports.GetTargetProgress({name: plan.name, as_of_date: today, depth: 1}),
      grpc.status.NOT_FOUND);
  for (const row of progress.rows) {
    say(`  ${row.display_name.padEnd(12)} target ${(row.target / 100).toFixed(2).padStart(12)} actual ` +
        `${(row.actual / 100).toFixed(2).padStart(10)} ${(row.attainment_ppm / 10000).toFixed(2).padStart(6)} %`);
  }
  assert.deepEqual(progress.rows.map((row) => [row.member, row.target, row.actual]), [
    ['', String(total), String(sold)], [`members/${run}-anna`, '5000001', String(sold)],
    [`members/${run}-bo`, '5000000', '0']]);
  say('done');
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
}).finally(() => clients.forEach((client) => client.close()));
