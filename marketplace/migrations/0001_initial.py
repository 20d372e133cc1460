import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
import django.contrib.postgres.functions
import django.core.validators
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
import uuid
from decimal import Decimal
from django.conf import settings
from django.contrib.postgres.operations import BtreeGistExtension
from django.core.management import call_command
from django.db import migrations, models

from marketplace.ops.queue import install_queue, keep_queue


def make_cache_table(apps, schema_editor):
    call_command("createcachetable", database=schema_editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('billing', '0001_initial'),
        ('buyers', '0001_initial'),
        ('leads', '0001_initial'),
        ('pghistory', '0007_auto_20250421_0444'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        # An operator class for ranges, the queue in the database, and the cache.
        BtreeGistExtension(),
        migrations.RunPython(install_queue, keep_queue),
        migrations.RunPython(make_cache_table, migrations.RunPython.noop),
        migrations.CreateModel(
            name='ApiUse',
            fields=[
                ('buyer', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='api_use', serialize=False, to='buyers.buyer')),
                ('window_started_at', models.DateTimeField()),
                ('requests', models.PositiveIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='InventorySnapshot',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80, unique=True)),
                ('status', models.CharField(choices=[('building', 'Building'), ('ready', 'Ready'), ('damaged', 'Damaged'), ('failed', 'Failed')], default='building', max_length=8)),
                ('cursor', models.TextField(help_text='Position in the change feed before the first lead was read.')),
                ('schemas', models.JSONField(default=list, help_text="The version of each vertical's fields in force.")),
                ('leads_total', models.PositiveBigIntegerField(default=0, help_text='As estimated at the start.')),
                ('leads_done', models.PositiveBigIntegerField(default=0)),
                ('size', models.PositiveBigIntegerField(default=0)),
                ('sha256', models.CharField(blank=True, max_length=64)),
                ('problem', models.CharField(blank=True, max_length=200)),
                ('started_at', models.DateTimeField()),
                ('told_at', models.DateTimeField(help_text='When the build last reported progress.')),
                ('built_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['-pk'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('status', 'building')), fields=('status',), name='snapshot_one_is_built_at_once'), models.CheckConstraint(condition=models.Q(models.Q(('status', 'ready'), _negated=True), models.Q(models.Q(('sha256', ''), _negated=True), ('built_at__isnull', False)), _connector='OR'), name='snapshot_ready_has_its_digest'), models.CheckConstraint(condition=models.Q(('told_at__gte', models.F('started_at'))), name='snapshot_tells_after_it_started')],
            },
        ),
        migrations.CreateModel(
            name='Order',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('idempotency_key', models.CharField(max_length=100)),
                ('fingerprint', models.CharField(help_text='Digest of what was requested with the key.', max_length=64)),
                ('request', models.JSONField(help_text="The quote's terms: criteria, quantity, sort and max price, or named leads.")),
                ('status', models.CharField(choices=[('filled', 'Filled'), ('partial', 'Partially filled')], default='filled', max_length=8)),
                ('quantity', models.PositiveIntegerField(help_text='Leads requested.')),
                ('filled', models.PositiveIntegerField(default=0)),
                ('replaced', models.PositiveIntegerField(default=0, help_text='Leads gone since the quote, replaced by others.')),
                ('refused', models.JSONField(default=list, help_text='Leads not sold, with the reason: [{lead, reason}].')),
                ('quoted_cents', models.PositiveBigIntegerField()),
                ('total_cents', models.PositiveBigIntegerField(default=0)),
                ('quoted_at', models.DateTimeField()),
                ('placed_at', models.DateTimeField()),
                ('buyer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='buyers.buyer')),
                ('placed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='orders', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-placed_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='Export',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('preset', models.CharField(max_length=20)),
                ('columns', models.JSONField(default=list, help_text='Column names in the order the buyer chose; empty for a preset.')),
                ('format', models.CharField(choices=[('csv', 'CSV'), ('bom', 'CSV for Excel'), ('xlsx', 'Excel workbook')], default='csv', max_length=4)),
                ('part', models.PositiveSmallIntegerField(default=1, help_text='For programs that limit the rows per file.')),
                ('status', models.CharField(choices=[('queued', 'Waiting'), ('building', 'Counting'), ('ready', 'Ready'), ('failed', 'Failed')], default='queued', max_length=8)),
                ('rows_done', models.PositiveIntegerField(default=0)),
                ('rows', models.PositiveIntegerField(default=0)),
                ('tombstones', models.PositiveIntegerField(default=0, help_text='Rows of people who opted out after the sale.')),
                ('bytes', models.PositiveBigIntegerField(default=0)),
                ('sha256', models.CharField(blank=True, max_length=64)),
                ('basis', models.CharField(blank=True, help_text="Digest of everything that can change the file's content.", max_length=64)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('started_at', models.DateTimeField(null=True)),
                ('built_at', models.DateTimeField(null=True)),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='exports', to='marketplace.order')),
            ],
            options={
                'ordering': ['-created_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='Download',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('preset', models.CharField(max_length=20)),
                ('format', models.CharField(choices=[('csv', 'CSV'), ('bom', 'CSV for Excel'), ('xlsx', 'Excel workbook')], max_length=4)),
                ('part', models.PositiveSmallIntegerField(default=1)),
                ('rows', models.PositiveIntegerField()),
                ('address', models.GenericIPAddressField(null=True)),
                ('at', models.DateTimeField(auto_now_add=True)),
                ('api_key', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='buyers.apikey')),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='downloads', to='marketplace.order')),
            ],
            options={
                'ordering': ['-at'],
            },
        ),
        migrations.CreateModel(
            name='BackgroundOrder',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('token', models.TextField(help_text='The quote, sealed; it was valid when the order was requested.')),
                ('idempotency_key', models.CharField(max_length=100)),
                ('fingerprint', models.CharField(help_text='Digest of what was requested with the key.', max_length=64)),
                ('allow_partial', models.BooleanField(default=False)),
                ('total', models.PositiveIntegerField(help_text='Leads quoted.')),
                ('done', models.PositiveIntegerField(default=0, help_text='Leads sold so far by the current worker.')),
                ('status', models.CharField(choices=[('waiting', 'In line'), ('working', 'Being placed'), ('done', 'Placed'), ('refused', 'Not placed')], default='waiting', max_length=7)),
                ('tries', models.PositiveSmallIntegerField(default=0, help_text='Number of attempts; only the latest may end it.')),
                ('code', models.CharField(blank=True, help_text='Why there is no order, for programs.', max_length=40)),
                ('problem', models.CharField(blank=True, help_text='The same as a sentence.', max_length=300)),
                ('asked_at', models.DateTimeField()),
                ('leased_until', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('buyer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='background_orders', to='buyers.buyer')),
                ('placed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('order', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='placing', to='marketplace.order')),
            ],
            options={
                'ordering': ['-asked_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='OrderAwaitingPayment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('idempotency_key', models.CharField(max_length=100)),
                ('fingerprint', models.CharField(help_text='Digest of what was requested with the key.', max_length=64)),
                ('token', models.TextField(help_text='The quote, sealed.')),
                ('allow_partial', models.BooleanField(default=False)),
                ('quantity', models.PositiveIntegerField(help_text='Leads held.')),
                ('quoted_cents', models.PositiveBigIntegerField()),
                ('held', models.JSONField(default=list, help_text='Held leads, best first: [lead, request, cents, curve, behind].')),
                ('status', models.CharField(choices=[('waiting', 'Waiting for payment'), ('completed', 'Completed'), ('failed', 'Paid but not filled'), ('released', 'Not paid')], default='waiting', max_length=9)),
                ('reason', models.CharField(blank=True, help_text='Why there is no order. Buyers read it.', max_length=300)),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField(help_text='The legs are held until then.')),
                ('ended_at', models.DateTimeField(null=True)),
                ('tell_at', models.DateTimeField(help_text='When to tell the buyer that the payment led to no order; empty once told.', null=True)),
                ('buyer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='orders_awaiting_payment', to='buyers.buyer')),
                ('order', models.OneToOneField(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='pending', to='marketplace.order')),
                ('payment', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='pending_order', to='billing.payment')),
                ('placed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-created_at'],
            },
        ),
        migrations.CreateModel(
            name='PriceCurve',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField()),
                ('effective_at', models.DateTimeField()),
                ('floor_cents', models.PositiveIntegerField(default=10, validators=[django.core.validators.MinValueValidator(1)])),
                ('grade_a', models.DecimalField(decimal_places=3, default=Decimal('1.2'), max_digits=5, validators=[django.core.validators.MinValueValidator(Decimal('0.001')), django.core.validators.MaxValueValidator(Decimal('50'))])),
                ('grade_b', models.DecimalField(decimal_places=3, default=Decimal('1'), max_digits=5, validators=[django.core.validators.MinValueValidator(Decimal('0.001')), django.core.validators.MaxValueValidator(Decimal('50'))])),
                ('grade_c', models.DecimalField(decimal_places=3, default=Decimal('0.8'), max_digits=5, validators=[django.core.validators.MinValueValidator(Decimal('0.001')), django.core.validators.MaxValueValidator(Decimal('50'))])),
                ('grade_d', models.DecimalField(decimal_places=3, default=Decimal('0.5'), max_digits=5, validators=[django.core.validators.MinValueValidator(Decimal('0.001')), django.core.validators.MaxValueValidator(Decimal('50'))])),
                ('exclusive', models.DecimalField(decimal_places=3, default=Decimal('3'), max_digits=5, validators=[django.core.validators.MinValueValidator(Decimal('0.001')), django.core.validators.MaxValueValidator(Decimal('50'))])),
                ('note', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField(db_default=django.contrib.postgres.functions.TransactionNow(), editable=False)),
                ('vertical', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='curves', to='leads.vertical')),
            ],
            options={
                'ordering': ['vertical', '-version'],
            },
        ),
        migrations.CreateModel(
            name='PriceCurveEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.BigIntegerField()),
                ('version', models.PositiveIntegerField()),
                ('effective_at', models.DateTimeField()),
                ('floor_cents', models.PositiveIntegerField(default=10, validators=[django.core.validators.MinValueValidator(1)])),
                ('grade_a', models.DecimalField(decimal_places=3, default=Decimal('1.2'), max_digits=5, validators=[django.core.validators.MinValueValidator(Decimal('0.001')), django.core.validators.MaxValueValidator(Decimal('50'))])),
                ('grade_b', models.DecimalField(decimal_places=3, default=Decimal('1'), max_digits=5, validators=[django.core.validators.MinValueValidator(Decimal('0.001')), django.core.validators.MaxValueValidator(Decimal('50'))])),
                ('grade_c', models.DecimalField(decimal_places=3, default=Decimal('0.8'), max_digits=5, validators=[django.core.validators.MinValueValidator(Decimal('0.001')), django.core.validators.MaxValueValidator(Decimal('50'))])),
                ('grade_d', models.DecimalField(decimal_places=3, default=Decimal('0.5'), max_digits=5, validators=[django.core.validators.MinValueValidator(Decimal('0.001')), django.core.validators.MaxValueValidator(Decimal('50'))])),
                ('exclusive', models.DecimalField(decimal_places=3, default=Decimal('3'), max_digits=5, validators=[django.core.validators.MinValueValidator(Decimal('0.001')), django.core.validators.MaxValueValidator(Decimal('50'))])),
                ('note', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField(db_default=django.contrib.postgres.functions.TransactionNow(), editable=False)),
                ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='marketplace.pricecurve')),
                ('vertical', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='leads.vertical')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='PriceTier',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('from_day', models.PositiveIntegerField()),
                ('cents', models.PositiveIntegerField()),
                ('curve', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tiers', to='marketplace.pricecurve')),
            ],
            options={
                'ordering': ['curve', 'from_day'],
            },
        ),
        migrations.CreateModel(
            name='ReturnPolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('window_days', models.PositiveSmallIntegerField(default=7, help_text='Days from the sale. 0: no returns.')),
                ('most_percent', models.PositiveSmallIntegerField(default=20, help_text="Percent of an order's leads, for reasons our team decides. One lead can always be returned.", validators=[django.core.validators.MaxValueValidator(100)])),
                ('decide_days', models.PositiveSmallIntegerField(default=3, help_text='Days our team has to decide.')),
                ('appeal_days', models.PositiveSmallIntegerField(default=5, help_text='Days to appeal after a refusal.')),
                ('vertical', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='return_policy', to='leads.vertical')),
            ],
            options={
                'ordering': ['vertical'],
            },
        ),
        migrations.CreateModel(
            name='ReturnPolicyEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.BigIntegerField()),
                ('window_days', models.PositiveSmallIntegerField(default=7, help_text='Days from the sale. 0: no returns.')),
                ('most_percent', models.PositiveSmallIntegerField(default=20, help_text="Percent of an order's leads, for reasons our team decides. One lead can always be returned.", validators=[django.core.validators.MaxValueValidator(100)])),
                ('decide_days', models.PositiveSmallIntegerField(default=3, help_text='Days our team has to decide.')),
                ('appeal_days', models.PositiveSmallIntegerField(default=5, help_text='Days to appeal after a refusal.')),
                ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='marketplace.returnpolicy')),
                ('vertical', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='leads.vertical')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='ReturnReason',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=40)),
                ('label', models.CharField(max_length=80)),
                ('explanation', models.CharField(help_text='What counts and what does not. Buyers read it.', max_length=300)),
                ('decided_by', models.CharField(choices=[('duplicate', 'Automatic: the buyer already had this person'), ('outside', "Automatic: outside the order's filters"), ('suppressed', 'Automatic: opted out before the sale'), ('person', 'Our team')], default='person', max_length=10)),
                ('words_required', models.BooleanField(default=False)),
                ('consequence', models.CharField(choices=[('leg', "The leg is retired; the lead's other legs stay for sale"), ('lead', 'The lead is no longer for sale'), ('stop', 'The request is stopped, as if the person had opted out')], default='leg', max_length=4)),
                ('charges_source', models.BooleanField(default=True, help_text='The source pays its share back.')),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('is_active', models.BooleanField(default=True)),
                ('vertical', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='return_reasons', to='leads.vertical')),
            ],
            options={
                'ordering': ['vertical', 'position', 'code'],
            },
        ),
        migrations.CreateModel(
            name='Return',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('status', models.CharField(choices=[('asked', 'In review'), ('credited', 'Credited'), ('refused', 'Refused'), ('appealed', 'In review on appeal'), ('refused_finally', 'Refused after appeal'), ('taken_back', 'Withdrawn by the buyer')], default='asked', max_length=15)),
                ('cents', models.PositiveIntegerField(help_text="The amount to credit: the sale's price.")),
                ('automatic', models.BooleanField(default=False)),
                ('finding', models.CharField(blank=True, help_text='The reason for the decision. Buyers read it.', max_length=300)),
                ('asked_at', models.DateTimeField()),
                ('answer_by', models.DateTimeField(help_text='Our deadline to decide.', null=True)),
                ('decided_at', models.DateTimeField(null=True)),
                ('appeal_until', models.DateTimeField(null=True)),
                ('tell_at', models.DateTimeField(help_text='When to email the buyer; empty once sent.', null=True)),
                ('buyer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='returns', to='buyers.buyer')),
                ('decided_again_by', models.ForeignKey(help_text='On appeal.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('decided_by', models.ForeignKey(help_text='On our team.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('source', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='returns', to='leads.source')),
                ('transaction', models.OneToOneField(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='returned', to='billing.transaction')),
                ('reason', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='returns', to='marketplace.returnreason')),
            ],
            options={
                'ordering': ['-asked_at', '-id'],
                'permissions': [('decide_returns', 'Can decide returns')],
            },
        ),
        migrations.CreateModel(
            name='ReturnReasonEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.BigIntegerField()),
                ('code', models.SlugField(db_index=False, max_length=40)),
                ('label', models.CharField(max_length=80)),
                ('explanation', models.CharField(help_text='What counts and what does not. Buyers read it.', max_length=300)),
                ('decided_by', models.CharField(choices=[('duplicate', 'Automatic: the buyer already had this person'), ('outside', "Automatic: outside the order's filters"), ('suppressed', 'Automatic: opted out before the sale'), ('person', 'Our team')], default='person', max_length=10)),
                ('words_required', models.BooleanField(default=False)),
                ('consequence', models.CharField(choices=[('leg', "The leg is retired; the lead's other legs stay for sale"), ('lead', 'The lead is no longer for sale'), ('stop', 'The request is stopped, as if the person had opted out')], default='leg', max_length=4)),
                ('charges_source', models.BooleanField(default=True, help_text='The source pays its share back.')),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('is_active', models.BooleanField(default=True)),
                ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='marketplace.returnreason')),
                ('vertical', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='leads.vertical')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='ReturnStep',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('kind', models.CharField(choices=[('asked', 'Requested'), ('credited', 'Credited'), ('refused', 'Refused'), ('appealed', 'Appealed'), ('taken_back', 'Withdrawn'), ('noted', 'Noted')], max_length=10)),
                ('actor', models.CharField(help_text='Who, as named at that time; or our system.', max_length=254)),
                ('at', models.DateTimeField()),
                ('sealed_words', models.BinaryField(null=True)),
                ('returned', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='steps', to='marketplace.return')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Sale',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('market', models.CharField(choices=[('realtime', 'Real-time'), ('aged', 'Aged')], max_length=8)),
                ('span', django.contrib.postgres.fields.ranges.IntegerRangeField()),
                ('exclusive', models.BooleanField(default=False)),
                ('price_cents', models.PositiveIntegerField()),
                ('sold_at', models.DateTimeField()),
                ('sold_before', models.PositiveSmallIntegerField(db_default=0, editable=False, help_text='How often the lead was sold before, by us or others. Written by a trigger.')),
                ('returnable_until', models.DateTimeField(help_text="The lead can be returned until then; always within the source's own window.", null=True)),
                ('buyer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='sales', to='buyers.buyer')),
                ('curve', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='sales', to='marketplace.pricecurve')),
                ('lead', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='sales', to='leads.lead')),
                ('leg', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='sale', to='leads.leg')),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='sales', to='marketplace.order')),
                ('request', models.ForeignKey(help_text="The first lead of the same person's request.", on_delete=django.db.models.deletion.PROTECT, related_name='+', to='leads.lead')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.AddField(
            model_name='return',
            name='sale',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='returned', to='marketplace.sale'),
        ),
        migrations.CreateModel(
            name='StandingFill',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('leads', models.PositiveIntegerField()),
                ('cents', models.PositiveBigIntegerField()),
                ('filled_at', models.DateTimeField()),
                ('order', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='standing_fill', to='marketplace.order')),
                ('standing', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='fills', to='buyers.standingorder')),
            ],
            options={
                'ordering': ['standing', '-number'],
            },
        ),
        migrations.CreateModel(
            name='StandingWatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cursor', models.TextField(blank=True)),
                ('curves', models.JSONField(default=list, help_text='The keys of the curves in force.')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='standing_watch_is_one_row')],
            },
        ),
        migrations.CreateModel(
            name='VolumeStep',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('from_quantity', models.PositiveIntegerField()),
                ('multiplier', models.DecimalField(decimal_places=3, default=Decimal('1'), max_digits=5, validators=[django.core.validators.MinValueValidator(Decimal('0.001')), django.core.validators.MaxValueValidator(Decimal('50'))])),
                ('curve', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='volume_steps', to='marketplace.pricecurve')),
            ],
            options={
                'ordering': ['curve', 'from_quantity'],
            },
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(fields=['buyer', '-placed_at'], name='order_by_buyer'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.UniqueConstraint(fields=('buyer', 'idempotency_key'), name='order_key_is_used_once'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(('total_cents__lte', models.F('quoted_cents'))), name='order_never_costs_more_than_quoted'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(('filled__lte', models.F('quantity'))), name='order_never_fills_more_than_asked'),
        ),
        migrations.AddConstraint(
            model_name='export',
            constraint=models.UniqueConstraint(fields=('order', 'preset', 'columns', 'format', 'part'), name='export_is_one_per_shape'),
        ),
        migrations.AddConstraint(
            model_name='export',
            constraint=models.CheckConstraint(condition=models.Q(('part__gte', 1)), name='export_part_from_1'),
        ),
        migrations.AddConstraint(
            model_name='export',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'ready'), _negated=True), models.Q(('sha256', ''), _negated=True), _connector='OR'), name='export_ready_has_its_digest'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='download',
            trigger=pgtrigger.compiler.Trigger(name='download_is_immutable', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='3d9326eaca0dfca1e85fad30c8228f60e53e1639', operation='UPDATE OR DELETE', pgid='pgtrigger_download_is_immutable_6de5c', table='marketplace_download', when='BEFORE')),
        ),
        migrations.AddIndex(
            model_name='backgroundorder',
            index=models.Index(fields=['buyer', '-asked_at'], name='placing_by_buyer'),
        ),
        migrations.AddConstraint(
            model_name='backgroundorder',
            constraint=models.UniqueConstraint(fields=('buyer', 'idempotency_key'), name='placing_key_is_used_once'),
        ),
        migrations.AddConstraint(
            model_name='backgroundorder',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at', None), ('leased_until', None), ('order', None), ('status', 'waiting')), models.Q(('ended_at', None), ('leased_until__isnull', False), ('order', None), ('status', 'working')), models.Q(('ended_at__isnull', False), ('order__isnull', False), ('problem', ''), ('status', 'done')), models.Q(('ended_at__isnull', False), ('order', None), ('status', 'refused'), models.Q(('problem', ''), _negated=True)), _connector='OR'), name='placing_ends_with_an_order_or_a_reason'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='backgroundorder',
            trigger=pgtrigger.compiler.Trigger(name='placing_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='e997bcf9ace289ceed12cf4b0caf1b9c0263a4e8', operation='DELETE', pgid='pgtrigger_placing_is_never_deleted_1bf35', table='marketplace_backgroundorder', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='backgroundorder',
            trigger=pgtrigger.compiler.Trigger(name='placing_stays_ended', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.ended_at IS NOT NULL)', func="RAISE EXCEPTION 'a background order ends only once' USING ERRCODE = 'check_violation', CONSTRAINT = 'placing_stays_ended';", hash='add49a2511e6086207f70d954304d8601e6fb494', operation='UPDATE', pgid='pgtrigger_placing_stays_ended_08845', table='marketplace_backgroundorder', when='BEFORE')),
        ),
        migrations.AddIndex(
            model_name='orderawaitingpayment',
            index=models.Index(condition=models.Q(('status', 'waiting')), fields=['buyer'], name='pending_order_waiting'),
        ),
        migrations.AddConstraint(
            model_name='orderawaitingpayment',
            constraint=models.UniqueConstraint(fields=('buyer', 'idempotency_key'), name='pending_order_key_is_used_once'),
        ),
        migrations.AddConstraint(
            model_name='orderawaitingpayment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at', None), ('order', None), ('status', 'waiting')), models.Q(('ended_at__isnull', False), ('order__isnull', False), ('status', 'completed')), models.Q(('ended_at__isnull', False), ('order', None), ('status__in', ['failed', 'released'])), _connector='OR'), name='pending_order_ends_once'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='orderawaitingpayment',
            trigger=pgtrigger.compiler.Trigger(name='pending_order_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='fb144b2c0c3a7332957596a797145762522793dc', operation='DELETE', pgid='pgtrigger_pending_order_is_never_deleted_f8e2e', table='marketplace_orderawaitingpayment', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='orderawaitingpayment',
            trigger=pgtrigger.compiler.Trigger(name='pending_order_stays_ended', sql=pgtrigger.compiler.UpsertTriggerSql(condition="WHEN (OLD.status <> 'waiting' AND (to_jsonb(OLD) - 'tell_at') <> (to_jsonb(NEW) - 'tell_at'))", func="RAISE EXCEPTION 'an order awaiting payment ends only once' USING ERRCODE = 'check_violation', CONSTRAINT = 'pending_order_stays_ended';", hash='22db44d975dc6a1534959d7aa0c5d0f6910576ba', operation='UPDATE', pgid='pgtrigger_pending_order_stays_ended_4c165', table='marketplace_orderawaitingpayment', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='pricecurve',
            constraint=models.UniqueConstraint(fields=('vertical', 'version'), name='curve_version_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='pricecurve',
            constraint=models.UniqueConstraint(fields=('vertical', 'effective_at'), name='curve_takes_effect_alone'),
        ),
        migrations.AddConstraint(
            model_name='pricecurve',
            constraint=models.CheckConstraint(condition=models.Q(('floor_cents__gte', 1)), name='curve_floor_is_at_least_a_cent'),
        ),
        migrations.AddConstraint(
            model_name='pricecurve',
            constraint=models.CheckConstraint(condition=models.Q(('grade_a__gte', models.F('grade_b')), ('grade_b__gte', models.F('grade_c')), ('grade_c__gte', models.F('grade_d'))), name='curve_better_grades_cost_no_less'),
        ),
        migrations.AddConstraint(
            model_name='pricecurve',
            constraint=models.CheckConstraint(condition=models.Q(('grade_d__gt', 0), ('exclusive__gte', 1)), name='curve_multipliers_make_sense'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='pricecurve',
            trigger=pgtrigger.compiler.Trigger(name='curve_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='0ef980ac88f439631793723f372aed9b05e1c74b', operation='DELETE', pgid='pgtrigger_curve_is_never_deleted_1153d', table='marketplace_pricecurve', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='pricecurve',
            trigger=pgtrigger.compiler.Trigger(name='curve_in_force_is_fixed', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func="\n                    IF OLD.effective_at <= now() OR NEW.effective_at < now() THEN\n                        RAISE EXCEPTION 'a curve in effect cannot be changed: make a new version'\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'curve_in_force_is_fixed';\n                    END IF;\n                    RETURN NEW;\n                ", hash='cfc686291b1abc5b442111d293b8fff014fe3ebf', operation='UPDATE', pgid='pgtrigger_curve_in_force_is_fixed_c2286', table='marketplace_pricecurve', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='pricecurve',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "marketplace_pricecurveevent" ("created_at", "effective_at", "exclusive", "floor_cents", "grade_a", "grade_b", "grade_c", "grade_d", "id", "note", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "version", "vertical_id") VALUES (NEW."created_at", NEW."effective_at", NEW."exclusive", NEW."floor_cents", NEW."grade_a", NEW."grade_b", NEW."grade_c", NEW."grade_d", NEW."id", NEW."note", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."version", NEW."vertical_id"); RETURN NULL;', hash='b0d5281f95825abdbe4d6b1fe16eed5b5402dab9', operation='INSERT', pgid='pgtrigger_insert_insert_6f4b8', table='marketplace_pricecurve', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='pricecurve',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "marketplace_pricecurveevent" ("created_at", "effective_at", "exclusive", "floor_cents", "grade_a", "grade_b", "grade_c", "grade_d", "id", "note", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "version", "vertical_id") VALUES (NEW."created_at", NEW."effective_at", NEW."exclusive", NEW."floor_cents", NEW."grade_a", NEW."grade_b", NEW."grade_c", NEW."grade_d", NEW."id", NEW."note", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."version", NEW."vertical_id"); RETURN NULL;', hash='9ae20ccadac5913bec43e780c493404d9b0ee274', operation='UPDATE', pgid='pgtrigger_update_update_db991', table='marketplace_pricecurve', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='pricetier',
            constraint=models.UniqueConstraint(fields=('curve', 'from_day'), name='tier_day_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='pricetier',
            constraint=models.CheckConstraint(condition=models.Q(('cents__gte', 1)), name='tier_is_at_least_a_cent'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='pricetier',
            trigger=pgtrigger.compiler.Trigger(name='tier_in_force_is_fixed', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n    IF (SELECT effective_at <= now() AND created_at <> now()\n        FROM marketplace_pricecurve WHERE id = coalesce(NEW.curve_id, OLD.curve_id)) THEN\n        RAISE EXCEPTION 'a curve in effect cannot be changed: make a new version'\n            USING ERRCODE = 'check_violation', CONSTRAINT = 'curve_in_force_is_fixed';\n    END IF;\n    RETURN coalesce(NEW, OLD);\n", hash='48554b7c76e10267f38174aa27a60aad7813d586', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_tier_in_force_is_fixed_d469c', table='marketplace_pricetier', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='pricetier',
            trigger=pgtrigger.compiler.Trigger(name='tiers_only_fall', sql=pgtrigger.compiler.UpsertTriggerSql(constraint='CONSTRAINT', func="\n                    IF EXISTS (\n                        SELECT 1 FROM (\n                            SELECT cents - lag(cents) OVER (ORDER BY from_day) AS step\n                            FROM marketplace_pricetier WHERE curve_id = NEW.curve_id\n                        ) AS steps WHERE step > 0\n                    ) THEN\n                        RAISE EXCEPTION 'prices can only fall with age'\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'tiers_only_fall';\n                    END IF;\n                    RETURN NULL;\n                ", hash='68720f1f0c9d2d47c0598f1c75df332b22676cc2', operation='INSERT OR UPDATE', pgid='pgtrigger_tiers_only_fall_24fcf', table='marketplace_pricetier', timing='DEFERRABLE INITIALLY DEFERRED', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='returnpolicy',
            constraint=models.CheckConstraint(condition=models.Q(('most_percent__lte', 100)), name='return_policy_at_most_all'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='returnpolicy',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "marketplace_returnpolicyevent" ("appeal_days", "decide_days", "id", "most_percent", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "vertical_id", "window_days") VALUES (NEW."appeal_days", NEW."decide_days", NEW."id", NEW."most_percent", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."vertical_id", NEW."window_days"); RETURN NULL;', hash='f398209cf54b463d662022952a0bcd42844d6195', operation='INSERT', pgid='pgtrigger_insert_insert_1eb6a', table='marketplace_returnpolicy', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='returnpolicy',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "marketplace_returnpolicyevent" ("appeal_days", "decide_days", "id", "most_percent", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "vertical_id", "window_days") VALUES (NEW."appeal_days", NEW."decide_days", NEW."id", NEW."most_percent", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."vertical_id", NEW."window_days"); RETURN NULL;', hash='d99b3c6dd9997fb706b5412aa2bae09ff52baae3', operation='UPDATE', pgid='pgtrigger_update_update_d24df', table='marketplace_returnpolicy', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='returnreason',
            constraint=models.UniqueConstraint(fields=('vertical', 'code'), name='return_reason_is_one_per_code'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='returnreason',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "marketplace_returnreasonevent" ("charges_source", "code", "consequence", "decided_by", "explanation", "id", "is_active", "label", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "vertical_id", "words_required") VALUES (NEW."charges_source", NEW."code", NEW."consequence", NEW."decided_by", NEW."explanation", NEW."id", NEW."is_active", NEW."label", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."position", NEW."vertical_id", NEW."words_required"); RETURN NULL;', hash='ad6603dd0edb568d96b9603d4883e8b0b9b520b1', operation='INSERT', pgid='pgtrigger_insert_insert_21607', table='marketplace_returnreason', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='returnreason',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "marketplace_returnreasonevent" ("charges_source", "code", "consequence", "decided_by", "explanation", "id", "is_active", "label", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "vertical_id", "words_required") VALUES (NEW."charges_source", NEW."code", NEW."consequence", NEW."decided_by", NEW."explanation", NEW."id", NEW."is_active", NEW."label", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."position", NEW."vertical_id", NEW."words_required"); RETURN NULL;', hash='da7f0e809caefc353e1fb0766d53fe97b0e6f1bd', operation='UPDATE', pgid='pgtrigger_update_update_42f3f', table='marketplace_returnreason', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='returnstep',
            trigger=pgtrigger.compiler.Trigger(name='return_step_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='f75f98479ae47e7779fcc8a5e64a148e5ca4dfdf', operation='DELETE', pgid='pgtrigger_return_step_is_never_deleted_3c59d', table='marketplace_returnstep', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='returnstep',
            trigger=pgtrigger.compiler.Trigger(name='return_step_is_immutable', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                    IF (to_jsonb(OLD) - 'sealed_words') <> (to_jsonb(NEW) - 'sealed_words')\n                        OR (OLD.sealed_words IS NULL AND NEW.sealed_words IS NOT NULL) THEN\n                        RAISE EXCEPTION 'a return step cannot change; its words can only be resealed or erased'\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'return_step_is_immutable';\n                    END IF;\n                    RETURN NEW;\n                ", hash='b4e769fc5df264e04e18f72db3a28a546a725a19', operation='UPDATE', pgid='pgtrigger_return_step_is_immutable_92a46', table='marketplace_returnstep', when='BEFORE')),
        ),
        migrations.AddIndex(
            model_name='sale',
            index=models.Index(fields=['order', 'id'], name='sale_by_order'),
        ),
        migrations.AddIndex(
            model_name='sale',
            index=models.Index(fields=['buyer', 'id'], name='sale_by_buyer'),
        ),
        migrations.AddIndex(
            model_name='sale',
            index=models.Index(fields=['sold_at'], name='sale_by_instant'),
        ),
        migrations.AddConstraint(
            model_name='sale',
            constraint=models.UniqueConstraint(fields=('lead', 'buyer'), name='sale_is_once_per_lead_and_buyer'),
        ),
        migrations.AddConstraint(
            model_name='sale',
            constraint=models.UniqueConstraint(fields=('request', 'buyer'), name='sale_is_once_per_person_and_buyer'),
        ),
        migrations.AddConstraint(
            model_name='sale',
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(expressions=[('lead', '='), ('span', '&&')], name='sale_legs_never_overlap'),
        ),
        migrations.AddConstraint(
            model_name='sale',
            constraint=models.CheckConstraint(condition=models.Q(('price_cents__gte', 1)), name='sale_has_a_price'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='sale',
            trigger=pgtrigger.compiler.Trigger(name='sale_is_immutable', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='3e735923fff3d5c30fcef5d11384312fa896a066', operation='UPDATE OR DELETE', pgid='pgtrigger_sale_is_immutable_cd188', table='marketplace_sale', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='sale',
            trigger=pgtrigger.compiler.Trigger(name='sale_is_of_a_sellable_leg', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE leg leads_leg; lead leads_lead; resale boolean; holder uuid; window_days integer;', func="\n                    SELECT * INTO lead FROM leads_lead WHERE id = NEW.lead_id;\n                    SELECT * INTO leg FROM leads_leg WHERE id = NEW.leg_id;\n                    SELECT open_for_resale INTO resale FROM leads_vertical WHERE id = lead.vertical_id;\n                    SELECT return_window_days INTO window_days FROM leads_source WHERE id = lead.source_id;\n                    SELECT public_id INTO holder FROM marketplace_order WHERE id = NEW.order_id;\n                    IF leg.lead_id <> NEW.lead_id OR leg.status <> 'sold' OR leg.market <> NEW.market\n                        OR NEW.request_id <> coalesce(lead.duplicate_of_id, lead.id) OR NOT NEW.span @> leg.number::int\n                        OR upper(NEW.span) > lead.legs_authorized + 1\n                        OR (NEW.exclusive AND lead.times_sold > 1)\n                        OR (NEW.exclusive AND NEW.span <> int4range(1, lead.legs_authorized + 1))\n                        OR (NOT NEW.exclusive AND NEW.span <> int4range(leg.number, leg.number + 1)) THEN\n                        RAISE EXCEPTION 'the sale does not match its leg'\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'sale_agrees_with_its_leg';\n                    END IF;\n                    IF lead.withdrawn_at IS NOT NULL OR (NEW.market = 'aged' AND NOT resale) THEN\n                        RAISE EXCEPTION 'this lead is not for sale'\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'sale_is_of_a_sellable_lead';\n                    END IF;\n                    IF leg.held_until > NEW.sold_at AND leg.held_for <> holder THEN\n                        RAISE EXCEPTION 'this leg is held for another order'\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'sale_respects_holds';\n                    END IF;\n                    IF NEW.returnable_until >= NEW.sold_at + make_interval(days => window_days) THEN\n                        RAISE EXCEPTION 'the buyer''s return window must end before ours'\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'sale_window_is_within_the_sources';\n                    END IF;\n                    NEW.sold_before := lead.times_sold - 1;  -- its own leg is counted\n                    RETURN NEW;\n                ", hash='bc0587941ba7dafc1538ac32c0eab89b2d78cf87', operation='INSERT', pgid='pgtrigger_sale_is_of_a_sellable_leg_5633d', table='marketplace_sale', when='BEFORE')),
        ),
        migrations.AddIndex(
            model_name='return',
            index=models.Index(fields=['buyer', '-asked_at'], name='return_by_buyer'),
        ),
        migrations.AddIndex(
            model_name='return',
            index=models.Index(fields=['source', '-asked_at'], name='return_by_source'),
        ),
        migrations.AddIndex(
            model_name='return',
            index=models.Index(condition=models.Q(('status__in', ['asked', 'appealed'])), fields=['answer_by'], name='return_waiting'),
        ),
        migrations.AddIndex(
            model_name='return',
            index=models.Index(condition=models.Q(('tell_at__isnull', False)), fields=['tell_at'], name='return_untold'),
        ),
        migrations.AddConstraint(
            model_name='return',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'credited'), ('transaction__isnull', False)), models.Q(models.Q(('status', 'credited'), _negated=True), ('transaction', None)), _connector='OR'), name='return_credited_has_its_money'),
        ),
        migrations.AddConstraint(
            model_name='return',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['asked', 'appealed']), ('decided_at__isnull', False), _connector='OR'), name='return_decided_has_its_instant'),
        ),
        migrations.AddConstraint(
            model_name='return',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status__in', ['refused', 'refused_finally', 'appealed']), _negated=True), ('decided_by__isnull', False), _connector='OR'), name='return_is_refused_by_a_person'),
        ),
        migrations.AddConstraint(
            model_name='return',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'refused_finally'), _negated=True), ('decided_again_by__isnull', False), _connector='OR'), name='return_is_refused_finally_by_a_second'),
        ),
        migrations.AddConstraint(
            model_name='return',
            constraint=models.CheckConstraint(condition=models.Q(('decided_again_by', None), models.Q(('decided_by__isnull', False), models.Q(('decided_again_by', models.F('decided_by')), _negated=True)), _connector='OR'), name='return_appeal_is_decided_by_another'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='return',
            trigger=pgtrigger.compiler.Trigger(name='return_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='80374c9361f2682ccb442e33e8bb6786745d2b90', operation='DELETE', pgid='pgtrigger_return_is_never_deleted_0b7f0', table='marketplace_return', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='return',
            trigger=pgtrigger.compiler.Trigger(name='return_agrees_with_its_sale', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                    IF NEW.status <> 'asked' OR NOT EXISTS (\n                        SELECT 1 FROM marketplace_sale AS sale JOIN leads_lead AS lead ON lead.id = sale.lead_id\n                        JOIN marketplace_returnreason AS reason ON reason.vertical_id = lead.vertical_id\n                        WHERE sale.id = NEW.sale_id AND sale.buyer_id = NEW.buyer_id\n                            AND lead.source_id = NEW.source_id AND sale.price_cents = NEW.cents\n                            AND reason.id = NEW.reason_id\n                            AND NEW.asked_at BETWEEN sale.sold_at AND sale.returnable_until\n                    ) THEN\n                        RAISE EXCEPTION 'the return does not match its sale or is too late'\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'return_agrees_with_its_sale';\n                    END IF;\n                    RETURN NEW;\n                ", hash='a767ae4b1ff802cff7f9a1d7316715452a085396', operation='INSERT', pgid='pgtrigger_return_agrees_with_its_sale_4bbd7', table='marketplace_return', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='return',
            trigger=pgtrigger.compiler.Trigger(name='return_steps_are_allowed', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                    IF (to_jsonb(OLD) - ARRAY['status', 'finding', 'automatic', 'answer_by', 'decided_at', 'decided_by_id', 'appeal_until', 'decided_again_by_id', 'tell_at', 'transaction_id']::text[]) <> (to_jsonb(NEW) - ARRAY['status', 'finding', 'automatic', 'answer_by', 'decided_at', 'decided_by_id', 'appeal_until', 'decided_again_by_id', 'tell_at', 'transaction_id']::text[])\n                        OR (OLD.status IN ('credited', 'refused_finally', 'taken_back')\n                            AND (to_jsonb(OLD) - 'tell_at') <> (to_jsonb(NEW) - 'tell_at'))\n                        OR (OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN (\n                            ('asked', 'credited'), ('asked', 'refused'), ('asked', 'taken_back'),\n                            ('refused', 'appealed'), ('appealed', 'credited'), ('appealed', 'refused_finally'),\n                            ('appealed', 'taken_back')))\n                        OR (OLD.decided_by_id IS NOT NULL AND NEW.decided_by_id IS DISTINCT FROM OLD.decided_by_id)\n                        OR (OLD.status = 'appealed' AND NEW.status = 'credited' AND NEW.decided_again_by_id IS NULL)\n                    THEN\n                        RAISE EXCEPTION 'a return is decided once, and again on appeal'\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'return_steps_are_allowed';\n                    END IF;\n                    RETURN NEW;\n                ", hash='1afbb85b7147d27fb1c2c610fc9bcdab554151d2', operation='UPDATE', pgid='pgtrigger_return_steps_are_allowed_475a1', table='marketplace_return', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='return',
            trigger=pgtrigger.compiler.Trigger(name='return_is_credited_by_its_own_money', sql=pgtrigger.compiler.UpsertTriggerSql(condition="WHEN (OLD.status <> 'credited' AND NEW.status = 'credited')", func="\n                    IF NOT EXISTS (\n                        SELECT 1 FROM billing_transaction AS posted\n                        JOIN billing_entry AS entry ON entry.transaction_id = posted.id\n                        JOIN billing_account AS wallet ON wallet.id = entry.account_id\n                        WHERE posted.id = NEW.transaction_id AND posted.kind = 'return'\n                            AND posted.reference = NEW.public_id::text\n                            AND wallet.buyer_id = NEW.buyer_id AND entry.cents = NEW.cents\n                    ) THEN\n                        RAISE EXCEPTION 'the credit belongs to another return'\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'return_is_credited_by_its_own_money';\n                    END IF;\n                    RETURN NEW;\n                ", hash='00e68f702497f90038d375fa47fd20424d720462', operation='UPDATE', pgid='pgtrigger_return_is_credited_by_its_own_money_07079', table='marketplace_return', when='BEFORE')),
        ),
        migrations.AddIndex(
            model_name='standingfill',
            index=models.Index(fields=['standing', 'filled_at'], name='standing_fill_by_time'),
        ),
        migrations.AddConstraint(
            model_name='standingfill',
            constraint=models.UniqueConstraint(fields=('standing', 'number'), name='standing_fill_number_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='standingfill',
            constraint=models.CheckConstraint(condition=models.Q(('leads__gte', 1)), name='standing_fill_has_leads'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='standingfill',
            trigger=pgtrigger.compiler.Trigger(name='standing_fill_is_immutable', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='36f81ab9fef9ed1553de24b5e2c2b882c50a1f71', operation='UPDATE OR DELETE', pgid='pgtrigger_standing_fill_is_immutable_55d56', table='marketplace_standingfill', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='standingfill',
            trigger=pgtrigger.compiler.Trigger(name='standing_fill_keeps_the_terms', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE wanted buyers_standingorder; placed marketplace_order;', func="\n                    SELECT * INTO wanted FROM buyers_standingorder WHERE id = NEW.standing_id FOR NO KEY UPDATE;\n                    SELECT * INTO placed FROM marketplace_order WHERE id = NEW.order_id;\n                    IF (placed.buyer_id, placed.filled::bigint, placed.total_cents, placed.placed_at)\n                        IS DISTINCT FROM (wanted.buyer_id, NEW.leads::bigint, NEW.cents, NEW.filled_at) THEN\n                        RAISE EXCEPTION 'the fill does not match its order'\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'standing_fill_agrees_with_its_order';\n                    END IF;\n                    IF wanted.kind <> 'buy' OR wanted.paused_at IS NOT NULL OR wanted.ended_at IS NOT NULL THEN\n                        RAISE EXCEPTION 'this standing order is not buying'\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'standing_fill_is_of_a_live_order';\n                    END IF;\n                    IF EXISTS (\n                        SELECT 1 FROM marketplace_sale AS sale\n                        WHERE sale.order_id = NEW.order_id AND sale.price_cents > wanted.max_price_cents\n                    ) THEN\n                        RAISE EXCEPTION 'a lead costs more than the max price'\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'standing_fill_keeps_the_limit';\n                    END IF;\n                    \n        IF NEW.leads + (\n            SELECT coalesce(sum(leads), 0) FROM marketplace_standingfill\n            WHERE standing_id = NEW.standing_id AND filled_at > NEW.filled_at - interval '1 hour'\n        ) > wanted.hourly_cap THEN\n            RAISE EXCEPTION 'the hourly cap is reached'\n                USING ERRCODE = 'check_violation', CONSTRAINT = 'standing_fill_keeps_the_hourly_cap';\n        END IF;\n    \n        IF NEW.leads + (\n            SELECT coalesce(sum(leads), 0) FROM marketplace_standingfill\n            WHERE standing_id = NEW.standing_id AND filled_at > NEW.filled_at - interval '24 hours'\n        ) > wanted.daily_cap THEN\n            RAISE EXCEPTION 'the daily cap is reached'\n                USING ERRCODE = 'check_violation', CONSTRAINT = 'standing_fill_keeps_the_daily_cap';\n        END IF;\n    \n        IF NEW.leads + (\n            SELECT coalesce(sum(leads), 0) FROM marketplace_standingfill\n            WHERE standing_id = NEW.standing_id AND filled_at > NEW.filled_at - interval '7 days'\n        ) > wanted.weekly_cap THEN\n            RAISE EXCEPTION 'the weekly cap is reached'\n                USING ERRCODE = 'check_violation', CONSTRAINT = 'standing_fill_keeps_the_weekly_cap';\n        END IF;\n    \n                    UPDATE buyers_standingorder\n                    SET filled = filled + NEW.leads, spent_cents = spent_cents + NEW.cents WHERE id = NEW.standing_id;\n                    RETURN NEW;\n                ", hash='a6ebfe5c7fcb368e8b6c2d38392cc4f109d53475', operation='INSERT', pgid='pgtrigger_standing_fill_keeps_the_terms_bb8c9', table='marketplace_standingfill', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='volumestep',
            constraint=models.UniqueConstraint(fields=('curve', 'from_quantity'), name='volume_quantity_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='volumestep',
            constraint=models.CheckConstraint(condition=models.Q(('from_quantity__gte', 2)), name='volume_starts_at_two'),
        ),
        migrations.AddConstraint(
            model_name='volumestep',
            constraint=models.CheckConstraint(condition=models.Q(('multiplier__gt', 0), ('multiplier__lte', 1)), name='volume_is_a_discount'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='volumestep',
            trigger=pgtrigger.compiler.Trigger(name='volume_in_force_is_fixed', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n    IF (SELECT effective_at <= now() AND created_at <> now()\n        FROM marketplace_pricecurve WHERE id = coalesce(NEW.curve_id, OLD.curve_id)) THEN\n        RAISE EXCEPTION 'a curve in effect cannot be changed: make a new version'\n            USING ERRCODE = 'check_violation', CONSTRAINT = 'curve_in_force_is_fixed';\n    END IF;\n    RETURN coalesce(NEW, OLD);\n", hash='490c1aa17b451a3064196726dbf3e4ad5decaee0', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_volume_in_force_is_fixed_d93f0', table='marketplace_volumestep', when='BEFORE')),
        ),
    ]
