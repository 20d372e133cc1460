import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('buyers', '0001_initial'),
        ('leads', '0001_initial'),
        ('pghistory', '0007_auto_20250421_0444'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Refund',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('amount_cents', models.PositiveBigIntegerField()),
                ('status', models.CharField(choices=[('created', 'Requested'), ('pending', 'Processing'), ('succeeded', 'Refunded'), ('failed', 'Failed')], default='created', max_length=9)),
                ('stripe_id', models.CharField(blank=True, max_length=64)),
                ('reason', models.CharField(blank=True, max_length=200)),
                ('made_by', models.CharField(help_text="The staff member, or Stripe's dashboard.", max_length=254)),
                ('problem', models.CharField(blank=True, max_length=300)),
                ('created_at', models.DateTimeField()),
                ('ask_again_at', models.DateTimeField(null=True, verbose_name='next check at')),
            ],
            options={
                'ordering': ['-created_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='StripeEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('event_id', models.CharField(max_length=64, unique=True)),
                ('type', models.CharField(max_length=80)),
                ('livemode', models.BooleanField()),
                ('api_version', models.CharField(blank=True, max_length=40)),
                ('happened_at', models.DateTimeField(help_text='Assigned by Stripe.')),
                ('received_at', models.DateTimeField()),
                ('body', models.JSONField(help_text='As it arrived. We use only its IDs and ask Stripe for the current status.')),
                ('status', models.CharField(choices=[('received', 'Waiting'), ('done', 'Processed'), ('ignored', 'Ignored'), ('failed', 'Given up')], default='received', max_length=8)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('try_at', models.DateTimeField(verbose_name='next try at')),
                ('acted_at', models.DateTimeField(null=True)),
                ('problem', models.CharField(blank=True, max_length=200)),
            ],
            options={
                'ordering': ['-received_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='Transaction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('kind', models.CharField(choices=[('credit', 'Wallet credit'), ('top_up', 'Card top-up'), ('fee', 'Stripe fee'), ('order', 'Order'), ('return', 'Returned lead'), ('refund', 'Card refund'), ('dispute', 'Disputed payment'), ('dispute_funds', 'Disputed funds moved at Stripe'), ('settlement', 'Stripe payout to our bank'), ('payout', 'Payout to a source'), ('write_off', 'Written off'), ('reversal', 'Reversal')], max_length=13)),
                ('reference', models.CharField(max_length=80)),
                ('memo', models.CharField(blank=True, max_length=200)),
                ('actor', models.CharField(blank=True, help_text='Who did it, by their name at the time.', max_length=254)),
                ('posted_at', models.DateTimeField()),
                ('stripe_id', models.CharField(blank=True, help_text='Its ID at Stripe, for reconciliation.', max_length=64)),
                ('made_in', models.BigIntegerField(db_default=models.Func(function='txid_current', output_field=models.BigIntegerField()), editable=False, help_text='The database transaction it was made in: no entries can be added later.')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Account',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('wallet', "Buyer's wallet"), ('payable', 'Owed to a source'), ('sales', 'Sales'), ('returns', 'Returns'), ('shares', "Sources' shares"), ('stripe', 'Money at Stripe'), ('bank', 'Money at the bank'), ('fees', 'Stripe fees'), ('disputes', 'Disputed funds'), ('losses', 'Written off')], max_length=10)),
                ('currency', models.CharField(default='USD', max_length=3)),
                ('balance_cents', models.BigIntegerField(default=0, editable=False, help_text='Wallets only; maintained by a trigger.')),
                ('overdrawn_by_clawback', models.BooleanField(default=False, help_text='A dispute or card refund took back money that was already spent.')),
                ('buyer', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='wallet', to='buyers.buyer')),
                ('source', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='payable', to='leads.source')),
            ],
            options={
                'ordering': ['kind', 'id'],
            },
        ),
        migrations.CreateModel(
            name='AutomaticTopUp',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('is_on', models.BooleanField(default=False)),
                ('threshold_cents', models.PositiveBigIntegerField()),
                ('amount_cents', models.PositiveBigIntegerField()),
                ('daily_ceiling_cents', models.PositiveBigIntegerField()),
                ('consent_wording', models.TextField(help_text='The wording that was agreed to, as it was shown.')),
                ('consented_at', models.DateTimeField()),
                ('stopped_at', models.DateTimeField(null=True)),
                ('stopped_because', models.CharField(blank=True, max_length=200)),
                ('buyer', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='automatic_top_up', to='buyers.buyer')),
                ('consented_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['buyer'],
            },
        ),
        migrations.CreateModel(
            name='AutomaticTopUpEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.BigIntegerField()),
                ('is_on', models.BooleanField(default=False)),
                ('threshold_cents', models.PositiveBigIntegerField()),
                ('amount_cents', models.PositiveBigIntegerField()),
                ('daily_ceiling_cents', models.PositiveBigIntegerField()),
                ('consent_wording', models.TextField(help_text='The wording that was agreed to, as it was shown.')),
                ('consented_at', models.DateTimeField()),
                ('stopped_at', models.DateTimeField(null=True)),
                ('stopped_because', models.CharField(blank=True, max_length=200)),
                ('buyer', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='buyers.buyer')),
                ('consented_by', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='billing.automatictopup')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Customer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('stripe_id', models.CharField(max_length=64, unique=True)),
                ('payment_method_id', models.CharField(blank=True, max_length=64)),
                ('card_brand', models.CharField(blank=True, max_length=20)),
                ('card_last4', models.CharField(blank=True, max_length=4)),
                ('card_expires', models.DateField(help_text='The first day it is no longer valid.', null=True)),
                ('created_at', models.DateTimeField()),
                ('buyer', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='customer', to='buyers.buyer')),
            ],
            options={
                'ordering': ['buyer'],
            },
        ),
        migrations.CreateModel(
            name='Entry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cents', models.BigIntegerField()),
                ('posted_at', models.DateTimeField(editable=False, help_text='Copied from its transaction by a trigger.')),
                ('balance_cents', models.BigIntegerField(editable=False, help_text='Wallets only; written by a trigger.', null=True)),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='billing.account')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Payee',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('method', models.CharField(choices=[('bank', 'Bank transfer'), ('stripe', 'Stripe Connect')], default='bank', max_length=6)),
                ('bank_reference', models.CharField(blank=True, help_text='The name or number of this payee at our bank.', max_length=60)),
                ('stripe_account_id', models.CharField(blank=True, help_text='ID of the connected account, acct_….', max_length=64)),
                ('email', models.EmailField(blank=True, help_text='Where we send statements.', max_length=254)),
                ('source', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='payee', to='leads.source')),
            ],
            options={
                'ordering': ['source'],
            },
        ),
        migrations.CreateModel(
            name='PayeeEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.BigIntegerField()),
                ('method', models.CharField(choices=[('bank', 'Bank transfer'), ('stripe', 'Stripe Connect')], default='bank', max_length=6)),
                ('bank_reference', models.CharField(blank=True, help_text='The name or number of this payee at our bank.', max_length=60)),
                ('stripe_account_id', models.CharField(blank=True, help_text='ID of the connected account, acct_….', max_length=64)),
                ('email', models.EmailField(blank=True, help_text='Where we send statements.', max_length=254)),
                ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='billing.payee')),
                ('source', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='leads.source')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Payment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('purpose', models.CharField(choices=[('top_up', 'Top-up'), ('order', 'Payment for an order'), ('automatic', 'Automatic top-up')], max_length=9)),
                ('amount_cents', models.PositiveBigIntegerField()),
                ('currency', models.CharField(default='USD', max_length=3)),
                ('keep_card', models.BooleanField(default=False, help_text='The buyer asked to save the card.')),
                ('status', models.CharField(choices=[('announced', 'Scheduled'), ('created', 'Requested'), ('open', 'Waiting for payment'), ('processing', 'Processing'), ('paid', 'Paid'), ('failed', 'Failed'), ('expired', 'Expired'), ('canceled', 'Canceled')], default='created', max_length=10)),
                ('idempotency_key', models.CharField(blank=True, max_length=100)),
                ('stripe_session_id', models.CharField(blank=True, max_length=100)),
                ('stripe_payment_intent_id', models.CharField(blank=True, max_length=64)),
                ('stripe_charge_id', models.CharField(blank=True, max_length=64)),
                ('page_url', models.TextField(blank=True, help_text="Stripe's page for this payment.")),
                ('card', models.CharField(blank=True, help_text='Brand and last four digits.', max_length=40)),
                ('problem', models.CharField(blank=True, help_text='Why it failed, in words for the buyer.', max_length=300)),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField(null=True)),
                ('ask_again_at', models.DateTimeField(help_text='When to check the status with Stripe.', null=True, verbose_name='next check at')),
                ('ended_at', models.DateTimeField(help_text='When it was paid, failed, expired or was canceled.', null=True)),
                ('tell_at', models.DateTimeField(help_text='An email about it is being sent; no other before then.', null=True)),
                ('told_at', models.DateTimeField(help_text='When the buyer was emailed the result.', null=True, verbose_name='emailed at')),
                ('asked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('buyer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payments', to='buyers.buyer')),
            ],
            options={
                'ordering': ['-created_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='Dispute',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('stripe_id', models.CharField(max_length=64, unique=True)),
                ('amount_cents', models.PositiveBigIntegerField()),
                ('status', models.CharField(max_length=40)),
                ('reason', models.CharField(blank=True, max_length=60)),
                ('opened_at', models.DateTimeField()),
                ('evidence_due_at', models.DateTimeField(null=True)),
                ('closed_at', models.DateTimeField(null=True)),
                ('payment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='disputes', to='billing.payment')),
            ],
            options={
                'ordering': ['-opened_at'],
            },
        ),
        migrations.CreateModel(
            name='Payout',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('cents', models.PositiveBigIntegerField()),
                ('method', models.CharField(choices=[('bank', 'Bank transfer'), ('stripe', 'Stripe Connect')], max_length=6)),
                ('destination', models.CharField(blank=True, help_text='Bank reference or connected account.', max_length=64)),
                ('status', models.CharField(choices=[('waiting', 'Waiting'), ('sent', 'Sent, not confirmed yet'), ('paid', 'Paid'), ('failed', 'Failed'), ('canceled', 'Canceled')], default='waiting', max_length=8)),
                ('stripe_id', models.CharField(blank=True, max_length=64)),
                ('problem', models.CharField(blank=True, max_length=300)),
                ('paid_at', models.DateTimeField(null=True)),
                ('ask_again_at', models.DateTimeField(help_text='When to check the transfer with Stripe.', null=True, verbose_name='next check at')),
                ('source', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payouts', to='leads.source')),
            ],
            options={
                'ordering': ['source'],
            },
        ),
        migrations.CreateModel(
            name='Earning',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('earned', 'Earned'), ('charged_back', 'Charged back')], max_length=12)),
                ('cents', models.BigIntegerField()),
                ('price_cents', models.PositiveIntegerField(help_text='What the buyer paid for the leg.')),
                ('percent', models.PositiveSmallIntegerField(help_text="The source's share at the time of sale.")),
                ('at', models.DateTimeField()),
                ('held_until', models.DateTimeField(verbose_name='pending until')),
                ('leg', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='earnings', to='leads.leg')),
                ('source', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='earnings', to='leads.source')),
                ('payout', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='earnings', to='billing.payout')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='PayoutRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('cutoff_at', models.DateTimeField()),
                ('status', models.CharField(choices=[('draft', 'Waiting for approval'), ('approved', 'Approved'), ('done', 'Paid'), ('canceled', 'Canceled')], default='draft', max_length=8)),
                ('total_cents', models.PositiveBigIntegerField(default=0)),
                ('two_people_over_cents', models.PositiveBigIntegerField(help_text='The limit when the run was made, less other runs its maker had unpaid or made that day.')),
                ('created_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-created_at'],
                'permissions': [('approve_payouts', 'Can approve payouts to sources')],
            },
        ),
        migrations.CreateModel(
            name='PayoutApproval',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('total_cents', models.PositiveBigIntegerField(help_text="The run's total when it was approved.")),
                ('at', models.DateTimeField()),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='approvals', to='billing.payoutrun')),
            ],
            options={
                'ordering': ['at'],
            },
        ),
        migrations.AddField(
            model_name='payout',
            name='run',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payouts', to='billing.payoutrun'),
        ),
        migrations.CreateModel(
            name='Reconciliation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('from_at', models.DateTimeField()),
                ('until_at', models.DateTimeField()),
                ('is_daily', models.BooleanField(default=False, help_text='The scheduled comparison of its day; others were started by staff.')),
                ('status', models.CharField(choices=[('running', 'Running'), ('agreed', 'The books agree'), ('differs', 'The books differ'), ('failed', 'Could not compare')], default='running', max_length=7)),
                ('started_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
                ('compared', models.PositiveIntegerField(default=0, help_text='Number of Stripe balance transactions compared.')),
                ('our_cents', models.BigIntegerField(default=0, help_text='What moved at Stripe in the period, by our books.')),
                ('their_cents', models.BigIntegerField(default=0, help_text="The same by Stripe's books.")),
                ('problem', models.CharField(blank=True, max_length=200)),
                ('told_at', models.DateTimeField(help_text='When the operator was emailed.', null=True, verbose_name='emailed at')),
            ],
            options={
                'ordering': ['-started_at', '-id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('until_at__gt', models.F('from_at'))), name='reconciliation_spans_some_time'), models.UniqueConstraint(condition=models.Q(('is_daily', True)), fields=('from_at',), name='reconciliation_is_one_a_day'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at', None), ('status', 'running')), models.Q(models.Q(('status', 'running'), _negated=True), ('finished_at__isnull', False)), _connector='OR'), name='reconciliation_finished_has_its_instant')],
            },
        ),
        migrations.CreateModel(
            name='Difference',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('missing_here', "Stripe has it, we don't"), ('missing_there', "We have it, Stripe doesn't"), ('amount', 'Different amounts'), ('fee', 'Different fees'), ('twice', 'Booked more than once'), ('currency', 'Different currencies'), ('unknown', 'Unknown type'), ('credit', 'Wallet credit differs from the payment'), ('buyer', 'Credited to the wrong buyer'), ('time', 'Booked in a different period'), ('balance', 'Different closing balances')], max_length=13)),
                ('stripe_id', models.CharField(blank=True, max_length=64)),
                ('our_cents', models.BigIntegerField(null=True)),
                ('their_cents', models.BigIntegerField(null=True)),
                ('note', models.CharField(blank=True, max_length=300)),
                ('seen_at', models.DateTimeField(null=True)),
                ('remark', models.CharField(blank=True, help_text='What staff found out.', max_length=300)),
                ('seen_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('reconciliation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='differences', to='billing.reconciliation')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='reconciliation',
            trigger=pgtrigger.compiler.Trigger(name='reconciliation_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='b581c08ec7a926152e12f42e0114df7be0e1d66d', operation='DELETE', pgid='pgtrigger_reconciliation_is_never_deleted_ad07f', table='billing_reconciliation', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='reconciliation',
            trigger=pgtrigger.compiler.Trigger(name='reconciliation_result_is_kept', sql=pgtrigger.compiler.UpsertTriggerSql(condition="WHEN (OLD.from_at <> NEW.from_at OR OLD.until_at <> NEW.until_at OR OLD.is_daily <> NEW.is_daily OR (OLD.status IN ('agreed', 'differs') AND (OLD.status <> NEW.status OR OLD.compared <> NEW.compared OR OLD.our_cents <> NEW.our_cents OR OLD.their_cents <> NEW.their_cents)))", func="RAISE EXCEPTION 'a finished comparison must keep its result' USING ERRCODE = 'check_violation', CONSTRAINT = 'reconciliation_result_is_kept';", hash='a9901581f436c72111a9c402ae7654a18508b7fa', operation='UPDATE', pgid='pgtrigger_reconciliation_result_is_kept_f9d9c', table='billing_reconciliation', when='BEFORE')),
        ),
        migrations.AddField(
            model_name='refund',
            name='payment',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='refunds', to='billing.payment'),
        ),
        migrations.AddIndex(
            model_name='stripeevent',
            index=models.Index(condition=models.Q(('status', 'received')), fields=['try_at'], name='stripe_event_due'),
        ),
        migrations.AddConstraint(
            model_name='stripeevent',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('acted_at', None), ('status', 'received')), models.Q(('acted_at__isnull', False), ('status__in', ['done', 'ignored', 'failed'])), _connector='OR'), name='stripe_event_acted_has_its_instant'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='stripeevent',
            trigger=pgtrigger.compiler.Trigger(name='stripe_event_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='7750cfa166b4395446a352b3e653417b8b4d7ba1', operation='DELETE', pgid='pgtrigger_stripe_event_is_never_deleted_ab26d', table='billing_stripeevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='stripeevent',
            trigger=pgtrigger.compiler.Trigger(name='stripe_event_is_as_it_came', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.event_id <> NEW.event_id OR OLD.type <> NEW.type OR OLD.body IS DISTINCT FROM NEW.body OR OLD.livemode <> NEW.livemode OR OLD.happened_at <> NEW.happened_at)', func="RAISE EXCEPTION 'a Stripe event must stay as it arrived' USING ERRCODE = 'check_violation', CONSTRAINT = 'stripe_event_is_as_it_came';", hash='afa448915e1105b0805c6f47e4b9577aae41f9c7', operation='UPDATE', pgid='pgtrigger_stripe_event_is_as_it_came_a7553', table='billing_stripeevent', when='BEFORE')),
        ),
        migrations.AddField(
            model_name='transaction',
            name='payment',
            field=models.ForeignKey(help_text='The card payment this is about.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='transactions', to='billing.payment'),
        ),
        migrations.AddField(
            model_name='entry',
            name='transaction',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='billing.transaction'),
        ),
        migrations.AddField(
            model_name='earning',
            name='transaction',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='earnings', to='billing.transaction'),
        ),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('buyer__isnull', False), ('kind', 'wallet'), ('source', None)), models.Q(('buyer', None), ('kind', 'payable'), ('source__isnull', False)), models.Q(models.Q(('kind__in', ['wallet', 'payable']), _negated=True), ('buyer', None), ('source', None)), _connector='OR'), name='account_has_its_owner'),
        ),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.CheckConstraint(condition=models.Q(('currency__regex', '^[A-Z]{3}$')), name='account_currency_is_three_letters'),
        ),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.UniqueConstraint(condition=models.Q(('kind__in', ['wallet', 'payable']), _negated=True), fields=('kind', 'currency'), name='account_house_is_one_per_kind'),
        ),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.CheckConstraint(condition=models.Q(('balance_cents__gte', 0), ('overdrawn_by_clawback', True), _connector='OR'), name='wallet_is_never_below_zero'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='account',
            trigger=pgtrigger.compiler.Trigger(name='wallet_moves_by_entries_only', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.balance_cents IS DISTINCT FROM NEW.balance_cents)', func="\n                    IF pg_trigger_depth() < 2 THEN\n                        RAISE EXCEPTION 'a balance must be the sum of its entries: post a transaction'\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'wallet_moves_by_entries_only';\n                    END IF;\n                    RETURN NEW;\n                ", hash='80b2a391c8effda78523eb7763d739ffea228c75', operation='UPDATE', pgid='pgtrigger_wallet_moves_by_entries_only_c7962', table='billing_account', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='account',
            trigger=pgtrigger.compiler.Trigger(name='account_is_for_good', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.kind <> NEW.kind OR OLD.currency <> NEW.currency OR OLD.buyer_id IS DISTINCT FROM NEW.buyer_id OR OLD.source_id IS DISTINCT FROM NEW.source_id)', func="RAISE EXCEPTION 'an account must keep its kind, currency and owner' USING ERRCODE = 'check_violation', CONSTRAINT = 'account_is_for_good';", hash='98a3def8edb4e2397efef91355daf9b578aa7a0e', operation='UPDATE', pgid='pgtrigger_account_is_for_good_10b82', table='billing_account', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='account',
            trigger=pgtrigger.compiler.Trigger(name='account_starts_empty', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW.balance_cents <> 0)', func="RAISE EXCEPTION 'a new account must be empty' USING ERRCODE = 'check_violation', CONSTRAINT = 'account_starts_empty';", hash='4f5090897bcd0d95e8214b50f0d9442257f9cbd5', operation='INSERT', pgid='pgtrigger_account_starts_empty_65353', table='billing_account', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='account',
            trigger=pgtrigger.compiler.Trigger(name='account_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='5c716934847076745c4acfc848b5e2a7131451c0', operation='DELETE', pgid='pgtrigger_account_is_never_deleted_ab5ea', table='billing_account', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='account',
            trigger=pgtrigger.compiler.Trigger(name='account_is_never_emptied', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'the books are never emptied' USING ERRCODE = 'check_violation', CONSTRAINT = 'account_is_never_emptied';", hash='2e19f65382cad4ea96bfb667002d9b15570d55a0', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_account_is_never_emptied_31ecb', table='billing_account', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='automatictopup',
            constraint=models.CheckConstraint(condition=models.Q(('amount_cents__gt', 0)), name='automatic_top_up_charges_something'),
        ),
        migrations.AddConstraint(
            model_name='automatictopup',
            constraint=models.CheckConstraint(condition=models.Q(('daily_ceiling_cents__gte', models.F('amount_cents'))), name='automatic_top_up_fits_its_ceiling'),
        ),
        migrations.AddConstraint(
            model_name='automatictopup',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('is_on', True), ('stopped_at', None)), models.Q(('is_on', False), ('stopped_at__isnull', False)), _connector='OR'), name='automatic_top_up_is_on_or_stopped'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='automatictopup',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "billing_automatictopupevent" ("amount_cents", "buyer_id", "consent_wording", "consented_at", "consented_by_id", "daily_ceiling_cents", "id", "is_on", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "stopped_at", "stopped_because", "threshold_cents") VALUES (NEW."amount_cents", NEW."buyer_id", NEW."consent_wording", NEW."consented_at", NEW."consented_by_id", NEW."daily_ceiling_cents", NEW."id", NEW."is_on", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."stopped_at", NEW."stopped_because", NEW."threshold_cents"); RETURN NULL;', hash='330c291c8b28f900a0a9ccfa0405f96951836b54', operation='INSERT', pgid='pgtrigger_insert_insert_5038c', table='billing_automatictopup', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='automatictopup',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "billing_automatictopupevent" ("amount_cents", "buyer_id", "consent_wording", "consented_at", "consented_by_id", "daily_ceiling_cents", "id", "is_on", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "stopped_at", "stopped_because", "threshold_cents") VALUES (NEW."amount_cents", NEW."buyer_id", NEW."consent_wording", NEW."consented_at", NEW."consented_by_id", NEW."daily_ceiling_cents", NEW."id", NEW."is_on", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."stopped_at", NEW."stopped_because", NEW."threshold_cents"); RETURN NULL;', hash='04398645f90c94c4a3b0b925fc3802c0e7f0f729', operation='UPDATE', pgid='pgtrigger_update_update_a7bd9', table='billing_automatictopup', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='payee',
            constraint=models.CheckConstraint(condition=models.Q(('method', 'bank'), models.Q(('method', 'stripe'), ('stripe_account_id__startswith', 'acct_')), _connector='OR'), name='payee_by_stripe_has_an_account'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='payee',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "billing_payeeevent" ("bank_reference", "email", "id", "method", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "source_id", "stripe_account_id") VALUES (NEW."bank_reference", NEW."email", NEW."id", NEW."method", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."source_id", NEW."stripe_account_id"); RETURN NULL;', hash='b9e9c93626a7b6399917a36ea6da9555c6d1d036', operation='INSERT', pgid='pgtrigger_insert_insert_2d039', table='billing_payee', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='payee',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "billing_payeeevent" ("bank_reference", "email", "id", "method", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "source_id", "stripe_account_id") VALUES (NEW."bank_reference", NEW."email", NEW."id", NEW."method", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."source_id", NEW."stripe_account_id"); RETURN NULL;', hash='56353c3ecde4351cc714f1ca10f835aa0ff4d28e', operation='UPDATE', pgid='pgtrigger_update_update_a4aa7', table='billing_payee', when='AFTER')),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(condition=models.Q(('ask_again_at__isnull', False)), fields=['ask_again_at'], name='payment_due_to_ask'),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(fields=['buyer', '-created_at'], name='payment_by_buyer'),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(condition=models.Q(('status__in', ['announced', 'paid', 'failed']), ('told_at', None)), fields=['id'], name='payment_to_tell'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(('amount_cents__gt', 0)), name='payment_is_more_than_nothing'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.UniqueConstraint(condition=models.Q(('stripe_session_id', ''), _negated=True), fields=('stripe_session_id',), name='payment_session_is_its_own'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.UniqueConstraint(condition=models.Q(('stripe_payment_intent_id', ''), _negated=True), fields=('stripe_payment_intent_id',), name='payment_intent_is_its_own'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.UniqueConstraint(condition=models.Q(('idempotency_key', ''), _negated=True), fields=('buyer', 'idempotency_key'), name='payment_key_is_used_once'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.UniqueConstraint(condition=models.Q(('purpose', 'automatic'), ('status__in', ['announced', 'created', 'open', 'processing'])), fields=('buyer',), name='payment_automatic_is_one_at_a_time'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at', None), ('status__in', ['announced', 'created', 'open', 'processing'])), models.Q(('ended_at__isnull', False), ('status__in', ['paid', 'failed', 'expired', 'canceled'])), _connector='OR'), name='payment_ended_has_its_instant'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='payment',
            trigger=pgtrigger.compiler.Trigger(name='payment_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='ad1ed48346f9c559288cdf4a18c2a8553cb10760', operation='DELETE', pgid='pgtrigger_payment_is_never_deleted_5f0fd', table='billing_payment', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='payment',
            trigger=pgtrigger.compiler.Trigger(name='payment_terms_are_fixed', sql=pgtrigger.compiler.UpsertTriggerSql(condition="WHEN (OLD.buyer_id <> NEW.buyer_id OR OLD.amount_cents <> NEW.amount_cents OR OLD.currency <> NEW.currency OR OLD.purpose <> NEW.purpose OR OLD.public_id <> NEW.public_id OR (OLD.status = 'paid' AND NEW.status <> 'paid') OR (OLD.stripe_payment_intent_id <> '' AND OLD.stripe_payment_intent_id <> NEW.stripe_payment_intent_id))", func="RAISE EXCEPTION 'a payment must keep its buyer, amount, purpose and paid status' USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_terms_are_fixed';", hash='4bfd0f1842e1242349aa61d6451585cdc767d5d9', operation='UPDATE', pgid='pgtrigger_payment_terms_are_fixed_72467', table='billing_payment', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='payment',
            trigger=pgtrigger.compiler.Trigger(name='payment_paid_is_credited', sql=pgtrigger.compiler.UpsertTriggerSql(condition="WHEN (NEW.status = 'paid')", constraint='CONSTRAINT', func="\n                    IF NOT EXISTS (\n                        SELECT 1 FROM billing_transaction AS posted\n                        JOIN billing_entry AS entry ON entry.transaction_id = posted.id\n                        JOIN billing_account AS wallet ON wallet.id = entry.account_id AND wallet.kind = 'wallet'\n                        WHERE posted.kind = 'top_up' AND posted.payment_id = NEW.id\n                            AND entry.cents = NEW.amount_cents AND wallet.buyer_id = NEW.buyer_id\n                    ) THEN\n                        RAISE EXCEPTION 'payment % is paid but not credited', NEW.id\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_paid_is_credited';\n                    END IF;\n                    RETURN NULL;\n                ", hash='102439a8ddc1f9a5a47707cce459eb99259fbe4a', operation='INSERT OR UPDATE', pgid='pgtrigger_payment_paid_is_credited_fd706', table='billing_payment', timing='DEFERRABLE INITIALLY DEFERRED', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='dispute',
            constraint=models.CheckConstraint(condition=models.Q(('amount_cents__gt', 0)), name='dispute_is_more_than_nothing'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='dispute',
            trigger=pgtrigger.compiler.Trigger(name='dispute_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='936cb2c661daf448ff17fb3bed56f2d6abf4b191', operation='DELETE', pgid='pgtrigger_dispute_is_never_deleted_9f289', table='billing_dispute', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='payoutrun',
            trigger=pgtrigger.compiler.Trigger(name='payout_run_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='6d7ea06e455653698f736f7bb519e4b99c9d26cf', operation='DELETE', pgid='pgtrigger_payout_run_is_never_deleted_dc90e', table='billing_payoutrun', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='payoutrun',
            trigger=pgtrigger.compiler.Trigger(name='payout_run_is_approved_by_enough', sql=pgtrigger.compiler.UpsertTriggerSql(condition="WHEN (NEW.status IN ('approved', 'done'))", declare='DECLARE people integer; total numeric;', func="\n                    SELECT coalesce(sum(cents), 0) INTO total FROM billing_payout WHERE run_id = NEW.id;\n                    SELECT count(DISTINCT user_id) INTO people FROM billing_payoutapproval\n                    WHERE run_id = NEW.id AND (user_id <> NEW.created_by_id OR total <= NEW.two_people_over_cents);\n                    IF people < 1 OR (total > NEW.two_people_over_cents AND people < 2) OR total <> NEW.total_cents THEN\n                        RAISE EXCEPTION '% people approved % cents', people, total\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'payout_run_is_approved_by_enough';\n                    END IF;\n                    RETURN NEW;\n                ", hash='2c05d07f8fa3ca79eb6c72f9587236d81e16719b', operation='INSERT OR UPDATE', pgid='pgtrigger_payout_run_is_approved_by_enough_70ca5', table='billing_payoutrun', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='payoutrun',
            trigger=pgtrigger.compiler.Trigger(name='payout_run_pays_what_was_earned', sql=pgtrigger.compiler.UpsertTriggerSql(condition="WHEN (OLD.status = 'draft' AND NEW.status IN ('approved', 'done'))", func="\n                    IF EXISTS (\n                        SELECT 1 FROM billing_payout AS payout\n                        LEFT JOIN billing_earning AS earning ON earning.payout_id = payout.id\n                        WHERE payout.run_id = NEW.id\n                        GROUP BY payout.id HAVING payout.cents <> coalesce(sum(earning.cents), 0)\n                    ) THEN\n                        RAISE EXCEPTION 'a payout must equal the sum of its earnings'\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'payout_run_pays_what_was_earned';\n                    END IF;\n                    RETURN NEW;\n                ", hash='646edf5a4f807cd8ddf96a63a92dba65e17201de', operation='UPDATE', pgid='pgtrigger_payout_run_pays_what_was_earned_55f5e', table='billing_payoutrun', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='payoutrun',
            trigger=pgtrigger.compiler.Trigger(name='payout_run_terms_are_fixed', sql=pgtrigger.compiler.UpsertTriggerSql(condition="WHEN (OLD.cutoff_at <> NEW.cutoff_at OR OLD.two_people_over_cents <> NEW.two_people_over_cents OR OLD.created_by_id <> NEW.created_by_id OR (OLD.status <> 'draft' AND OLD.total_cents <> NEW.total_cents) OR (OLD.status IN ('done', 'canceled') AND OLD.status <> NEW.status) OR (OLD.status = 'approved' AND NEW.status = 'draft'))", func="RAISE EXCEPTION 'an approved run must stay as it was approved' USING ERRCODE = 'check_violation', CONSTRAINT = 'payout_run_terms_are_fixed';", hash='549555bd08fc2546b837eca8586a852cba9b419c', operation='UPDATE', pgid='pgtrigger_payout_run_terms_are_fixed_159aa', table='billing_payoutrun', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='payoutapproval',
            constraint=models.UniqueConstraint(fields=('run', 'user'), name='payout_approval_is_one_a_person'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='payoutapproval',
            trigger=pgtrigger.compiler.Trigger(name='payout_approval_is_immutable', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='e8845dd2a1450649caa0ce200d9577c7e0efaf93', operation='UPDATE OR DELETE', pgid='pgtrigger_payout_approval_is_immutable_8faee', table='billing_payoutapproval', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='payoutapproval',
            trigger=pgtrigger.compiler.Trigger(name='payout_approval_is_of_the_run_as_it_stands', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                    IF NOT EXISTS (\n                        SELECT 1 FROM billing_payoutrun AS run WHERE run.id = NEW.run_id AND run.status = 'draft'\n                            AND run.total_cents = NEW.total_cents\n                            AND (run.created_by_id <> NEW.user_id OR run.total_cents <= run.two_people_over_cents)\n                    ) THEN\n                        RAISE EXCEPTION 'a draft must be approved as it stands and, over the limit, not by its maker'\n                            USING ERRCODE = 'check_violation',\n                                CONSTRAINT = 'payout_approval_is_of_the_run_as_it_stands';\n                    END IF;\n                    RETURN NEW;\n                ", hash='18fcb7a42a2a74ec74aaf1d5a3fdd94dd93c9871', operation='INSERT', pgid='pgtrigger_payout_approval_is_of_the_run_as_it_stands_b5461', table='billing_payoutapproval', when='BEFORE')),
        ),
        migrations.AddIndex(
            model_name='payout',
            index=models.Index(condition=models.Q(('status', 'sent')), fields=['ask_again_at'], name='payout_due_to_ask'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.UniqueConstraint(fields=('run', 'source'), name='payout_is_one_per_source_and_run'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.CheckConstraint(condition=models.Q(('cents__gt', 0)), name='payout_is_more_than_nothing'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.UniqueConstraint(condition=models.Q(('stripe_id', ''), _negated=True), fields=('stripe_id',), name='payout_transfer_is_its_own'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'paid'), ('paid_at__isnull', False)), models.Q(models.Q(('status', 'paid'), _negated=True), ('paid_at', None)), _connector='OR'), name='payout_paid_has_its_instant'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='payout',
            trigger=pgtrigger.compiler.Trigger(name='payout_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='6e1f7767bb77e59613190778451525bfd29b80ae', operation='DELETE', pgid='pgtrigger_payout_is_never_deleted_40a24', table='billing_payout', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='payout',
            trigger=pgtrigger.compiler.Trigger(name='payout_terms_are_fixed', sql=pgtrigger.compiler.UpsertTriggerSql(condition="WHEN (OLD.run_id <> NEW.run_id OR OLD.source_id <> NEW.source_id OR OLD.cents <> NEW.cents OR OLD.public_id <> NEW.public_id OR OLD.method <> NEW.method OR OLD.destination <> NEW.destination OR (OLD.status IN ('failed', 'canceled') AND NEW.status <> OLD.status) OR (OLD.status = 'paid' AND NEW.status <> 'paid' AND (NEW.status <> 'failed' OR OLD.method <> 'bank')) OR (OLD.status = 'sent' AND NEW.status IN ('waiting', 'canceled')))", func="RAISE EXCEPTION 'a payout must keep its source, amount, destination and outcome' USING ERRCODE = 'check_violation', CONSTRAINT = 'payout_terms_are_fixed';", hash='1e152b7f90e79b2d47c757927adbddf61369c62b', operation='UPDATE', pgid='pgtrigger_payout_terms_are_fixed_0894d', table='billing_payout', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='payout',
            trigger=pgtrigger.compiler.Trigger(name='payout_is_of_a_draft', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                    IF NOT EXISTS (SELECT 1 FROM billing_payoutrun WHERE id = NEW.run_id AND status = 'draft') THEN\n                        RAISE EXCEPTION 'payouts cannot be added to an approved run'\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'payout_is_of_a_draft';\n                    END IF;\n                    RETURN NEW;\n                ", hash='09a5cfc1f71c16fe0adf3a5968bd8a115902c222', operation='INSERT', pgid='pgtrigger_payout_is_of_a_draft_cd04c', table='billing_payout', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='payout',
            trigger=pgtrigger.compiler.Trigger(name='payout_is_made_when_approved', sql=pgtrigger.compiler.UpsertTriggerSql(condition="WHEN (NEW.status IN ('sent', 'paid'))", func="\n                    IF NOT EXISTS (\n                        SELECT 1 FROM billing_payoutrun WHERE id = NEW.run_id AND status IN ('approved', 'done')\n                    ) THEN\n                        RAISE EXCEPTION 'a payout must be approved before it is sent'\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'payout_is_made_when_approved';\n                    END IF;\n                    RETURN NEW;\n                ", hash='215af025cc8f0f0b7a26c4eaec5b1755d5516a0a', operation='INSERT OR UPDATE', pgid='pgtrigger_payout_is_made_when_approved_4cb0d', table='billing_payout', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='payout',
            trigger=pgtrigger.compiler.Trigger(name='payout_paid_is_posted', sql=pgtrigger.compiler.UpsertTriggerSql(condition="WHEN (NEW.status = 'paid')", constraint='CONSTRAINT', func="\n                    IF NOT EXISTS (\n                        SELECT 1 FROM billing_transaction AS posted\n                        JOIN billing_entry AS entry ON entry.transaction_id = posted.id AND entry.cents = -NEW.cents\n                        JOIN billing_account AS payable ON payable.id = entry.account_id\n                        WHERE posted.kind = 'payout' AND posted.reference = NEW.public_id::text\n                            AND payable.source_id = NEW.source_id\n                    ) THEN\n                        RAISE EXCEPTION 'payout % is paid but not posted', NEW.id\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'payout_paid_is_posted';\n                    END IF;\n                    RETURN NULL;\n                ", hash='09709723f2250e42474e66cdb964074439628f49', operation='UPDATE', pgid='pgtrigger_payout_paid_is_posted_b6c6a', table='billing_payout', timing='DEFERRABLE INITIALLY DEFERRED', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='payout',
            trigger=pgtrigger.compiler.Trigger(name='payout_sent_back_is_reversed', sql=pgtrigger.compiler.UpsertTriggerSql(condition="WHEN (NEW.status = 'failed')", constraint='CONSTRAINT', func="\n                    IF EXISTS (\n                        SELECT 1 FROM billing_transaction AS posted\n                        WHERE posted.kind = 'payout' AND posted.reference = NEW.public_id::text AND NOT EXISTS (\n                            SELECT 1 FROM billing_transaction AS undone\n                            WHERE undone.kind = 'reversal' AND undone.reference = posted.public_id::text\n                        )\n                    ) THEN\n                        RAISE EXCEPTION 'payout % failed but is still posted as paid', NEW.id\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'payout_sent_back_is_reversed';\n                    END IF;\n                    RETURN NULL;\n                ", hash='aec0072e9b41bf80d2d9e25145540775e2ba1da2', operation='UPDATE', pgid='pgtrigger_payout_sent_back_is_reversed_d16ae', table='billing_payout', timing='DEFERRABLE INITIALLY DEFERRED', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='difference',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('seen_at', None), ('seen_by', None)), models.Q(('seen_at__isnull', False), ('seen_by__isnull', False)), _connector='OR'), name='difference_seen_has_its_instant'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='difference',
            trigger=pgtrigger.compiler.Trigger(name='difference_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='9ff281934fb3a5200ce856cb903eb300901e2180', operation='DELETE', pgid='pgtrigger_difference_is_never_deleted_40747', table='billing_difference', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='difference',
            trigger=pgtrigger.compiler.Trigger(name='difference_is_as_found', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.kind <> NEW.kind OR OLD.stripe_id <> NEW.stripe_id OR OLD.note <> NEW.note OR OLD.reconciliation_id <> NEW.reconciliation_id OR OLD.our_cents IS DISTINCT FROM NEW.our_cents OR OLD.their_cents IS DISTINCT FROM NEW.their_cents)', func="RAISE EXCEPTION 'a difference must stay as it was found' USING ERRCODE = 'check_violation', CONSTRAINT = 'difference_is_as_found';", hash='0d3e744333005eadeafda7f943984c01accf3fb8', operation='UPDATE', pgid='pgtrigger_difference_is_as_found_ac45a', table='billing_difference', when='BEFORE')),
        ),
        migrations.AddIndex(
            model_name='refund',
            index=models.Index(fields=['payment'], name='refund_by_payment'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('amount_cents__gt', 0)), name='refund_is_more_than_nothing'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.UniqueConstraint(condition=models.Q(('stripe_id', ''), _negated=True), fields=('stripe_id',), name='refund_at_stripe_is_its_own'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='refund',
            trigger=pgtrigger.compiler.Trigger(name='refund_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='f25aab7058b7023d18e3859fcd1d5bce38e38711', operation='DELETE', pgid='pgtrigger_refund_is_never_deleted_275d7', table='billing_refund', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='refund',
            trigger=pgtrigger.compiler.Trigger(name='refund_terms_are_fixed', sql=pgtrigger.compiler.UpsertTriggerSql(condition="WHEN (OLD.payment_id <> NEW.payment_id OR OLD.amount_cents <> NEW.amount_cents OR OLD.public_id <> NEW.public_id OR (OLD.status = 'failed' AND NEW.status <> 'failed') OR (OLD.stripe_id <> '' AND OLD.stripe_id <> NEW.stripe_id))", func="RAISE EXCEPTION 'a refund must keep its payment, amount and failed status' USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_terms_are_fixed';", hash='c53513098fa3cea80835a3ac2f49b0adba74e7c0', operation='UPDATE', pgid='pgtrigger_refund_terms_are_fixed_57e1c', table='billing_refund', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='refund',
            trigger=pgtrigger.compiler.Trigger(name='refunds_never_exceed_the_payment', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE paid bigint; back numeric;', func="\n                    SELECT amount_cents INTO paid FROM billing_payment\n                    WHERE id = NEW.payment_id AND status = 'paid' FOR NO KEY UPDATE;\n                    SELECT sum(amount_cents) INTO back FROM billing_refund\n                    WHERE payment_id = NEW.payment_id AND status <> 'failed';\n                    IF back > coalesce(paid, 0) THEN\n                        RAISE EXCEPTION 'refunds must not exceed the payment'\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'refunds_never_exceed_the_payment';\n                    END IF;\n                    RETURN NULL;\n                ", hash='fbd0b2c4c72013f6ed13a95918eccda3095b7b32', operation='INSERT OR UPDATE', pgid='pgtrigger_refunds_never_exceed_the_payment_139d9', table='billing_refund', when='AFTER')),
        ),
        migrations.AddIndex(
            model_name='transaction',
            index=models.Index(condition=models.Q(('stripe_id', ''), _negated=True), fields=['stripe_id'], name='transaction_by_stripe_id'),
        ),
        migrations.AddIndex(
            model_name='transaction',
            index=models.Index(fields=['reference'], name='transaction_by_reference'),
        ),
        migrations.AddIndex(
            model_name='transaction',
            index=models.Index(fields=['-posted_at'], name='transaction_newest'),
        ),
        migrations.AddConstraint(
            model_name='transaction',
            constraint=models.UniqueConstraint(fields=('kind', 'reference'), name='transaction_happens_once'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='transaction',
            trigger=pgtrigger.compiler.Trigger(name='transaction_is_immutable', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='cc8c5ce5120d22aa7b7bcfc8805aa6c50dfb2db9', operation='UPDATE OR DELETE', pgid='pgtrigger_transaction_is_immutable_44803', table='billing_transaction', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='transaction',
            trigger=pgtrigger.compiler.Trigger(name='transaction_is_never_emptied', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'the books are never emptied' USING ERRCODE = 'check_violation', CONSTRAINT = 'transaction_is_never_emptied';", hash='1fd5eb4a96c23a30fb9ed0f1089d6601d02673f9', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_transaction_is_never_emptied_47cca', table='billing_transaction', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='transaction',
            trigger=pgtrigger.compiler.Trigger(name='transaction_has_entries', sql=pgtrigger.compiler.UpsertTriggerSql(constraint='CONSTRAINT', func="\n                    IF NOT EXISTS (SELECT 1 FROM billing_entry WHERE transaction_id = NEW.id) THEN\n                        RAISE EXCEPTION 'transaction % has no entries', NEW.id\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'transaction_has_entries';\n                    END IF;\n                    RETURN NULL;\n                ", hash='b58fa1b04fecd50cd136d1d93e025a99e5ec3e63', operation='INSERT', pgid='pgtrigger_transaction_has_entries_7f320', table='billing_transaction', timing='DEFERRABLE INITIALLY DEFERRED', when='AFTER')),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(fields=['account', '-id'], name='entry_by_account'),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(fields=['account', 'posted_at'], include=('cents',), name='entry_by_account_and_time'),
        ),
        migrations.AddConstraint(
            model_name='entry',
            constraint=models.CheckConstraint(condition=models.Q(('cents', 0), _negated=True), name='entry_moves_something'),
        ),
        migrations.AddConstraint(
            model_name='entry',
            constraint=models.UniqueConstraint(fields=('transaction', 'account'), name='entry_is_one_per_account'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='entry',
            trigger=pgtrigger.compiler.Trigger(name='entry_is_immutable', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='e315d5a71ad000b74774c55e8e1f18d74c5d9d0c', operation='UPDATE OR DELETE', pgid='pgtrigger_entry_is_immutable_c8997', table='billing_entry', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='entry',
            trigger=pgtrigger.compiler.Trigger(name='entry_is_never_emptied', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'the books are never emptied' USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_is_never_emptied';", hash='b538c5a716d6662f74aac2e7ead0af38620feb81', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_entry_is_never_emptied_a5acf', table='billing_entry', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='entry',
            trigger=pgtrigger.compiler.Trigger(name='entries_sum_to_zero', sql=pgtrigger.compiler.UpsertTriggerSql(constraint='CONSTRAINT', declare='DECLARE total numeric; parts integer; currencies integer;', func="\n                    SELECT sum(entry.cents), count(*), count(DISTINCT account.currency)\n                    INTO total, parts, currencies\n                    FROM billing_entry AS entry JOIN billing_account AS account ON account.id = entry.account_id\n                    WHERE entry.transaction_id = NEW.transaction_id;\n                    IF total <> 0 OR parts < 2 OR currencies > 1 THEN\n                        RAISE EXCEPTION 'transaction % has % entries in % currencies that sum to %',\n                            NEW.transaction_id, parts, currencies, total\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'entries_sum_to_zero';\n                    END IF;\n                    RETURN NULL;\n                ", hash='e84cf54513c95c0372ea8ec276d31ee5cbfdcc92', operation='INSERT', pgid='pgtrigger_entries_sum_to_zero_9e448', table='billing_entry', timing='DEFERRABLE INITIALLY DEFERRED', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='entry',
            trigger=pgtrigger.compiler.Trigger(name='entry_moves_the_wallet', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE made_in bigint;', func="\n                    SELECT posted.posted_at, posted.made_in INTO NEW.posted_at, made_in\n                    FROM billing_transaction AS posted WHERE id = NEW.transaction_id;\n                    IF made_in <> txid_current() THEN\n                        RAISE EXCEPTION 'entries cannot be added to an earlier transaction'\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_comes_with_its_transaction';\n                    END IF;\n                    UPDATE billing_account SET balance_cents = balance_cents + NEW.cents,\n                        overdrawn_by_clawback = overdrawn_by_clawback AND balance_cents + NEW.cents < 0\n                    WHERE id = NEW.account_id AND kind = 'wallet'\n                    RETURNING balance_cents INTO NEW.balance_cents;\n                    RETURN NEW;\n                ", hash='95caa5d559b5ca50361e87a230636e7b98cd557d', operation='INSERT', pgid='pgtrigger_entry_moves_the_wallet_fbf5e', table='billing_entry', when='BEFORE')),
        ),
        migrations.AddIndex(
            model_name='earning',
            index=models.Index(condition=models.Q(('payout', None)), fields=['source', 'held_until'], name='earning_unpaid'),
        ),
        migrations.AddIndex(
            model_name='earning',
            index=models.Index(fields=['source', '-id'], name='earning_by_source'),
        ),
        migrations.AddIndex(
            model_name='earning',
            index=models.Index(condition=models.Q(('payout__isnull', False)), fields=['payout'], name='earning_by_payout'),
        ),
        migrations.AddConstraint(
            model_name='earning',
            constraint=models.UniqueConstraint(fields=('leg', 'kind'), name='earning_is_once_per_leg_and_kind'),
        ),
        migrations.AddConstraint(
            model_name='earning',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('cents__gte', 0), ('kind', 'earned')), models.Q(('cents__lte', 0), ('kind', 'charged_back')), _connector='OR'), name='earning_has_its_sign'),
        ),
        migrations.AddConstraint(
            model_name='earning',
            constraint=models.CheckConstraint(condition=models.Q(('cents__lte', models.F('price_cents'))), name='earning_is_at_most_the_price'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='earning',
            trigger=pgtrigger.compiler.Trigger(name='earning_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='e057b3ee190cc87b84a0889c264e946e5be47185', operation='DELETE', pgid='pgtrigger_earning_is_never_deleted_7fe5d', table='billing_earning', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='earning',
            trigger=pgtrigger.compiler.Trigger(name='earning_is_never_emptied', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'the books are never emptied' USING ERRCODE = 'check_violation', CONSTRAINT = 'earning_is_never_emptied';", hash='fc72aeede83c5638ce5b90be7638ae8b5158dcf6', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_earning_is_never_emptied_4f342', table='billing_earning', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='earning',
            trigger=pgtrigger.compiler.Trigger(name='earning_changes_only_by_payout', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.leg_id <> NEW.leg_id OR OLD.source_id <> NEW.source_id OR OLD.kind <> NEW.kind OR OLD.cents <> NEW.cents OR OLD.price_cents <> NEW.price_cents OR OLD.percent <> NEW.percent OR OLD.transaction_id <> NEW.transaction_id OR OLD.at <> NEW.at OR OLD.id <> NEW.id OR (OLD.payout_id IS NOT NULL AND OLD.held_until <> NEW.held_until) OR OLD.payout_id <> NEW.payout_id)', func="RAISE EXCEPTION 'an earning never changes, except when and by which payout it is paid' USING ERRCODE = 'check_violation', CONSTRAINT = 'earning_changes_only_by_payout';", hash='68dc4fefe04d7df7d520916425075cb7ee83d9a1', operation='UPDATE', pgid='pgtrigger_earning_changes_only_by_payout_fa399', table='billing_earning', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='earning',
            trigger=pgtrigger.compiler.Trigger(name='earning_is_freed_by_a_payout_that_failed', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.payout_id IS NOT NULL AND NEW.payout_id IS NULL)', func="\n                    IF NOT EXISTS (\n                        SELECT 1 FROM billing_payout WHERE id = OLD.payout_id AND status IN ('failed', 'canceled')\n                    ) THEN\n                        RAISE EXCEPTION 'an earning of a live payout cannot be paid by another'\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'earning_is_freed_by_a_payout_that_failed';\n                    END IF;\n                    RETURN NEW;\n                ", hash='08026c3590d48fba67bfa287a4f15b60bf8c1f06', operation='UPDATE', pgid='pgtrigger_earning_is_freed_by_a_payout_that_failed_337a5', table='billing_earning', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='earning',
            trigger=pgtrigger.compiler.Trigger(name='earning_is_born_unpaid', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW.payout_id IS NOT NULL)', func="RAISE EXCEPTION 'a new earning must be unpaid' USING ERRCODE = 'check_violation', CONSTRAINT = 'earning_is_born_unpaid';", hash='422461f9b8109ba3e43a7d8709c9e12933dc042a', operation='INSERT', pgid='pgtrigger_earning_is_born_unpaid_c0fc9', table='billing_earning', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='earning',
            trigger=pgtrigger.compiler.Trigger(name='earning_is_paid_to_its_source', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                    IF EXISTS (\n                        SELECT 1 FROM after\n                        JOIN billing_payout AS payout ON payout.id = after.payout_id\n                        JOIN billing_payoutrun AS run ON run.id = payout.run_id\n                        WHERE payout.source_id <> after.source_id OR run.status <> 'draft'\n                            OR after.held_until > run.cutoff_at\n                    ) THEN\n                        RAISE EXCEPTION 'a draft payout may take only earnings due to its own source'\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'earning_is_paid_to_its_source';\n                    END IF;\n                    RETURN NULL;\n                ", hash='4be5fb39a23642dedd36ab039e6c7579c75a9a7f', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_earning_is_paid_to_its_source_8dd0e', referencing='REFERENCING NEW TABLE AS after ', table='billing_earning', when='AFTER')),
        ),
    ]
